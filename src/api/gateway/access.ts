/**
 * Who may use the HTTP side of the client port from a browser (etcd.md 12.7): `--cors` says which origins may use it and read
 * answers, `--host-whitelist` under which names the server is known. The latter keeps a page from reaching a server on loopback
 * through a name of its own that resolves there (DNS rebinding).
 *
 * Stricter than etcd, whose default lets any page write: here a key can be a unit, and a unit runs as root. A page of another
 * origin is refused unless `--cors` names it, or `*`; what tells only about the server (/version, /health) is open as in etcd.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { errorBody } from "./status.ts";

export interface AccessOptions {
  /** Origins, or `*` for all. Empty: pages of other origins get only what tells about the server. */
  readonly cors: readonly string[];
  /** Host names without port, or `*` for all. Empty is all, too. */
  readonly hostWhitelist: readonly string[];
}

export class Access {
  /** Those named; null for all. */
  readonly #origins: ReadonlySet<string> | null;
  /** Whether other origins than those named are refused. */
  readonly #strict: boolean;
  readonly #hosts: ReadonlySet<string> | null;

  constructor(options: AccessOptions) {
    this.#origins = setOf(options.cors);
    this.#strict = !options.cors.includes("*");
    this.#hosts = setOf(options.hostWhitelist);
  }

  /** Checks a request and writes the headers that belong on any answer. True when it has been answered in full. */
  answered(request: IncomingMessage, response: ServerResponse): boolean {
    const refusal = this.misdirected(request);
    if (refusal !== null) {
      response.writeHead(421, { "content-type": "text/plain; charset=utf-8" }).end(refusal);
      return true;
    }
    if (!isOpen(request) && !this.mayConnect(request)) {
      refuseOrigin(request, response);
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
   * Whether a request, or a WebSocket, is of no page, of a page of an allowed origin or of our own. Browsers send simple
   * requests of any page and keep only the answer from it, so it is for the server to refuse.
   */
  mayConnect(request: IncomingMessage): boolean {
    const { origin, host = "" } = request.headers;
    if (!this.#strict || origin === undefined || this.#origins?.has(origin)) return true;
    if (!URL.canParse(origin) || new URL(origin).host !== host) return false;
    // A name that is not known to be ours may be the page's own, made to resolve here.
    const name = hostName(host);
    return isIP(name) !== 0 || name === "localhost" || this.#hosts?.has(name) === true;
  }
}

/** What tells about the server, not about what it holds; etcd shows it to every page. */
const openPaths: readonly string[] = ["/version", "/health", "/livez", "/readyz", "/metrics"];

function isOpen(request: IncomingMessage): boolean {
  const path = (request.url ?? "").split("?", 1)[0]!;
  if (!openPaths.some((open) => path === open || path.startsWith(`${open}/`))) return false;
  return ["GET", "HEAD", "OPTIONS"].includes(request.method ?? "");
}

function refuseOrigin(request: IncomingMessage, response: ServerResponse): void {
  const message = `pages of ${JSON.stringify(request.headers.origin)} may not use this server: name the origin in --cors`;
  response.writeHead(403, { "content-type": "application/json" });
  response.end(errorBody({ code: GrpcCode.PERMISSION_DENIED, message }));
}

function setOf(names: readonly string[]): ReadonlySet<string> | null {
  return names.length === 0 || names.includes("*") ? null : new Set(names);
}

/** `localhost:2379` -> `localhost`, `[::1]:2379` -> `::1`; what has no port stays. */
function hostName(host: string): string {
  const match = /^(?:\[(.*)\]|([^:]*)):\d*$/.exec(host);
  return match ? (match[1] ?? match[2] ?? "") : host;
}
