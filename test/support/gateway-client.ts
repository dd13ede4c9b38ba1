/** A client of the JSON gateway as curl is one: plain HTTP/1.1, one exchange a call, streams read line by line. */
import { type Agent, type ClientRequest, type IncomingHttpHeaders, request } from "node:http";

export interface GatewayAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly agent?: Agent;
}

/** One whole exchange. `body` is sent as it is, as curl's -d does. */
export function post(
  endpoint: string,
  path: string,
  body: string | Buffer = "{}",
  { headers = {}, method = "POST", agent }: PostOptions = {},
): Promise<GatewayAnswer> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const call = request(`http://${endpoint}${path}`, {
      method,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": bytes.length,
        ...headers,
      },
      ...(agent ? { agent } : { agent: false }),
    });
    call.on("error", reject);
    call.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    call.end(bytes);
  });
}

/** A stream whose request stays open until `end`. */
export class GatewayStream {
  readonly #request: ClientRequest;
  readonly #lines: string[] = [];
  #rest = "";
  #over = false;
  #wake: (() => void) | undefined;
  /** Resolves with the response's status when its head is there. */
  readonly status: Promise<number>;

  constructor(endpoint: string, path: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = request(`http://${endpoint}${path}`, { method: "POST", agent: false, headers });
    this.#request.on("error", () => this.#end());
    this.status = new Promise((resolve) => {
      this.#request.on("response", (response) => {
        resolve(response.statusCode ?? 0);
        response.setEncoding("utf8");
        response.on("data", (text: string) => this.#take(text));
        response.on("end", () => this.#end());
        response.on("error", () => this.#end());
      });
    });
    this.#request.flushHeaders();
  }

  send(json: string): this {
    this.#request.write(`${json}\n`);
    return this;
  }

  end(): this {
    this.#request.end();
    return this;
  }

  close(): void {
    this.#request.destroy();
  }

  /** The next line, or null when the response has ended. */
  async next(): Promise<string | null> {
    while (this.#lines.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift() ?? null;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    this.#lines.push(...lines.filter((line) => line !== ""));
    this.#wake?.();
  }

  #end(): void {
    this.#over = true;
    this.#wake?.();
  }
}
