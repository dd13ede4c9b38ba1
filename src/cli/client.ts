/**
 * The CLI's way to the agent: plain HTTP with JSON bodies, as any client would. Uses node:http rather than fetch, whose
 * first use costs a short command more than everything else it does.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { text as readText } from "node:stream/consumers";
import { errnoOf } from "../base/errors.ts";
import { CliError, usageError } from "./errors.ts";

/** How long an answer may take. The API answers at once or gives up itself well before. */
const answerMs = 10_000;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

export class ApiClient {
  readonly endpoint: string;
  readonly #url: URL;
  readonly #credentials: Credentials | null;

  /** `endpoint` is one http URL. Throws `cli.usage` for anything else. */
  constructor(endpoint: string, credentials: Credentials | null = null) {
    const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (url?.protocol !== "http:" || !url.hostname)
      throw usageError(`--endpoint: "${endpoint}" is not a URL such as http://127.0.0.1:2379`);
    this.endpoint = `http://${url.host}`;
    this.#url = url;
    this.#credentials = credentials;
  }

  /** The parsed body of a 200; any other status throws `cli.refused` with the agent's message. */
  async get<Body>(path: string): Promise<Body> {
    const answer = await this.send("GET", path);
    if (answer.status !== 200) throw this.refusal(answer);
    return this.json<Body>(answer);
  }

  /** One request and whatever status it gives. Throws `cli.unreachable` if there is no answer. */
  async send(method: string, path: string, body?: string): Promise<Answer> {
    let request: ClientRequest | undefined;
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...authorizationOf(this.#credentials),
        };
        request = httpRequest(new URL(path, this.#url), {
          method,
          headers,
          agent: false,
          signal: AbortSignal.timeout(answerMs),
        });
        request.on("response", resolve).on("error", reject).end(body);
      });
      return { status: response.statusCode ?? 0, text: await readText(response) };
    } catch (error) {
      request?.destroy();
      throw this.#unreachable(error);
    }
  }

  /** The body as JSON; `cli.not-an-agent` if it is something else. */
  json<Body>(answer: Answer): Body {
    try {
      return JSON.parse(answer.text) as Body;
    } catch {
      throw this.#notAnAgent();
    }
  }

  /** The error to throw for an answer that is a refusal: the message it carries, if it is in the API's form. */
  refusal(answer: Answer): CliError {
    let message: unknown;
    try {
      message = (JSON.parse(answer.text) as { error?: { message?: unknown } }).error?.message;
    } catch {
      return this.#notAnAgent();
    }
    const said = typeof message === "string" && message !== "" ? message : `HTTP status ${answer.status}`;
    const text = this.#identityProblem(answer.status) ?? `refused: ${said}`;
    return new CliError(`${this.endpoint} ${text}`, { code: "cli.refused", status: answer.status });
  }

  /** What to do about a refusal for who one is; null for others. */
  #identityProblem(status: number): string | null {
    const user = this.#credentials?.name;
    if (status === 401) {
      return user === undefined
        ? "has auth on; say who you are with --user NAME"
        : `does not accept user ${user} with this password; check --user`;
    }
    if (status !== 403) return null;
    return `does not let user ${user ?? "of this call"} do this; a user with role root may do everything`;
  }

  #notAnAgent(): CliError {
    const message = `${this.endpoint} is not an Argosy agent, or a different version of it; name another with --endpoint`;
    return new CliError(message, { code: "cli.not-an-agent", endpoint: this.endpoint });
  }

  #unreachable(cause: unknown): CliError {
    const errno = errnoOf(cause);
    const late = cause instanceof Error && (cause.name === "AbortError" || cause.name === "TimeoutError");
    const why = late
      ? `no answer within ${answerMs / 1000} s`
      : (reasons[errno ?? ""] ?? errno ?? "no HTTP answer");
    const advice = 'start the agent there with "agent run", or name another with --endpoint';
    const message = `cannot reach ${this.endpoint} (${why}); ${advice}`;
    return new CliError(message, { code: "cli.unreachable", endpoint: this.endpoint }, { cause });
  }
}

function authorizationOf(credentials: Credentials | null): { authorization?: string } {
  if (credentials === null) return {};
  const { name, password } = credentials;
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`, "utf8").toString("base64")}` };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ENOTFOUND: "unknown host name",
  EAI_AGAIN: "the host name cannot be resolved now",
  ETIMEDOUT: "connection timed out",
};
