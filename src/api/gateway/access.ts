/**
 * Who may use the HTTP side of the client port from a browser (etcd.md 12.7): `--cors` says which origins may read answers,
 * `--host-whitelist` under which names the server is known. The latter keeps a page from reaching a server on loopback
 * through a name of its own that resolves there (DNS rebinding).
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface AccessOptions {
  /** Origins, or `*` for all. Empty is all, too. */
  readonly cors: readonly string[];
  /** Host names without port, or `*` for all. Empty is all, too. */
  readonly hostWhitelist: readonly string[];
}

export class Access {
  readonly #origins: ReadonlySet<string> | null;
  readonly #hosts: ReadonlySet<string> | null;

  constructor(options: AccessOptions) {
    this.#origins = setOf(options.cors);
    this.#hosts = setOf(options.hostWhitelist);
  }

  /** Checks a request and writes the headers that belong on any answer. True when it has been answered in full. */
  answered(request: IncomingMessage, response: ServerResponse): boolean {
    const refusal = this.misdirected(request);
    if (refusal !== null) {
      response.writeHead(421, { "content-type": "text/plain; charset=utf-8" }).end(refusal);
      return true;
    }
    const { origin } = request.headers;
    const allowed = this.#origins === null ? "*" : origin && this.#origins.has(origin) ? origin : null;
    if (allowed !== null) {
      response.setHeader("access-control-allow-headers", "accept, content-type, authorization");
      response.setHeader("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE");
      response.setHeader("access-control-allow-origin", allowed);
    }
    if (this.#origins !== null) response.setHeader("vary", "Origin");
    if (request.method !== "OPTIONS") return false;
    response.writeHead(200, { "content-length": 0 }).end();
    return true;
  }

  /** Why a request for this Host is refused with 421, or null. */
  misdirected(request: IncomingMessage): string | null {
    const host = hostName(request.headers.host ?? "");
    if (this.#hosts === null || this.#hosts.has(host)) return null;
    return `this server is not known as ${JSON.stringify(host)}: add the name to --host-whitelist\n`;
  }

  /**
   * Whether a page of another origin may open a WebSocket: browsers leave that to the server. A client that names no origin
   * is not a browser.
   */
  mayConnect(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    if (this.#origins === null || origin === undefined || this.#origins.has(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host;
  }
}

function setOf(names: readonly string[]): ReadonlySet<string> | null {
  return names.length === 0 || names.includes("*") ? null : new Set(names);
}

/** `localhost:2379` -> `localhost`, `[::1]:2379` -> `::1`; what has no port stays. */
function hostName(host: string): string {
  const match = /^(?:\[(.*)\]|([^:]*)):\d*$/.exec(host);
  return match ? (match[1] ?? match[2] ?? "") : host;
}
