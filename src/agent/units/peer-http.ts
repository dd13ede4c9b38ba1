/** PeerHttp over node:http, with connections kept. (The global fetch would do, and costs several megabytes at first use.) */
import { Agent, request as startRequest } from "node:http";
import { AgentError } from "../../base/errors.ts";
import type { PeerHttp } from "./ports.ts";

/** Another agent did not answer, or answered with a refusal. */
export class PeerHttpError extends AgentError<{ code: "peer.failed"; url: string; status: number | null }> {
  override readonly name = "PeerHttpError";
}

const answerBytesMax = 64 * 1024 * 1024;

export class NodePeerHttp implements PeerHttp {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #pass: () => string | undefined;

  /** `pass` is what this agent shows to the others while auth is on (agent/auth/agent-pass.ts). */
  constructor(modules: { pass: () => string | undefined }) {
    this.#pass = modules.pass;
  }

  request(url: string, options: Parameters<PeerHttp["request"]>[1]): Promise<unknown> {
    const { method, body, timeoutMs } = options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const authorization = this.#pass();
    const headers = {
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...(authorization === undefined ? {} : { authorization }),
    };
    const signal = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve, reject) => {
      const fail = (problem: string, status: number | null, cause?: unknown): void => {
        reject(
          new PeerHttpError(`${method} ${url}: ${problem}`, { code: "peer.failed", url, status }, { cause }),
        );
      };
      const request = startRequest(url, { method, headers, signal, agent: this.#agent }, (response) => {
        const status = response.statusCode ?? 0;
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > answerBytesMax) request.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        response.on("error", (error) => fail(error.message, status, error));
        response.on("end", () => {
          if (status < 200 || status > 299) return fail(`status ${status}`, status);
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
          } catch (error) {
            fail("the answer is no JSON", status, error);
          }
        });
      });
      request.on("error", (error) => fail(signal.aborted ? "no answer in time" : error.message, null, error));
      request.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
