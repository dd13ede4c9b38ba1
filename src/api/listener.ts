/**
 * The client port: one listener for gRPC and HTTP/1.1, told apart by each connection's first bytes (etcd.md section 1). The
 * bytes that were looked at go back to the socket, so that neither side can tell it was looked at.
 */
import type { Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { errnoOf, messageOf } from "../base/errors.ts";
import { Instant } from "../base/ids.ts";
import type { Clock, Logger } from "../base/ports.ts";
import { ListenError } from "./transport/errors.ts";
import type { GrpcServer } from "./transport/grpc-server.ts";

/** The start of HTTP/2's client preface (RFC 9113, 3.4); no HTTP/1 method begins so. */
const preface = Buffer.from("PRI * HTTP/2.0", "latin1");
/** A connection that has not said what it is by then is closed. */
const firstBytesTimeoutMs = 10_000;
const backlog = 1024;
/** Silence after which the kernel asks whether the other host is there at all. */
const tcpKeepaliveMs = 30_000;

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose; `addresses` tells the choice. */
  readonly port: number;
}

export class ClientListener {
  readonly #listen: readonly ListenAddress[];
  readonly #firstBytesTimeoutMs: number;
  readonly #connectionsMax: number;
  readonly #grpc: GrpcServer;
  readonly #http: HttpServer;
  /** Streaming calls over HTTP/1.1, which would otherwise outlast the server's end. */
  readonly #streams: { close(): void } | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #servers: Server[] = [];
  /** Connections that have not decided yet, and those that fastify has. gRPC counts its own. */
  readonly #sockets = new Set<Socket>();
  /** Those of them that have not. */
  readonly #undecided = new Set<Socket>();
  /** Has been logged. */
  #full = false;

  constructor(
    options: {
      listen: readonly ListenAddress[];
      firstBytesTimeoutMs?: number;
      /** Over all addresses; further ones are closed at once, so that the store keeps the files it needs. */
      connectionsMax?: number;
    },
    modules: {
      grpc: GrpcServer;
      http: HttpServer;
      streams?: { close(): void } | undefined;
      clock: Clock;
      logger: Logger;
    },
  ) {
    this.#listen = options.listen;
    this.#firstBytesTimeoutMs = options.firstBytesTimeoutMs ?? firstBytesTimeoutMs;
    this.#connectionsMax = options.connectionsMax ?? Number.POSITIVE_INFINITY;
    this.#grpc = modules.grpc;
    this.#http = modules.http;
    this.#streams = modules.streams;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
  }

  /** Where it listens, in the order of the options; complete once `listen` has resolved. */
  get addresses(): ListenAddress[] {
    return this.#servers.map((server) => {
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port };
    });
  }

  /** Opens every address, or none: throws ListenError after closing those that were open. */
  async listen(): Promise<void> {
    try {
      for (const address of this.#listen) this.#servers.push(await this.#open(address));
    } catch (error) {
      for (const server of this.#servers) server.close();
      throw error;
    }
    // Node arms its header and request timeouts when a server starts to listen; ours never does, so it is told.
    this.#http.emit("listening");
  }

  /** Stops accepting, lets calls in progress finish for `graceMs`, then closes what is left. */
  async close(graceMs: number): Promise<void> {
    const stopped = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    const timer = this.#clock.at(Instant(this.#clock.now() + graceMs), () => {
      this.#grpc.force();
      for (const socket of this.#sockets) socket.destroy();
    });
    for (const socket of this.#undecided) socket.destroy();
    this.#streams?.close();
    this.#http.close(() => {}); // forgets its timers; its callback would report that it never listened
    this.#http.closeIdleConnections();
    await this.#grpc.close();
    await Promise.all(stopped);
    timer.cancel();
  }

  #open(address: ListenAddress): Promise<Server> {
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepaliveMs };
    const server = createServer(options, (socket) => this.#accept(socket));
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(listenError(address, error)));
      server.listen({ host: address.host, port: address.port, backlog }, () => {
        server.removeAllListeners("error");
        server.on("error", (error) => {
          this.#logger.warn({ error: messageOf(error) }, "client listener failed to accept");
        });
        resolve(server);
      });
    });
  }

  /** Whether there is room for one more. */
  #admits(): boolean {
    const full = this.#sockets.size + this.#grpc.connections >= this.#connectionsMax;
    if (full && !this.#full) this.#logger.warn({}, "too many client connections: new ones are closed");
    this.#full = full;
    return !full;
  }

  #accept(socket: Socket): void {
    if (!this.#admits()) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#undecided.add(socket);
    const forget = (): void => {
      this.#sockets.delete(socket);
      this.#undecided.delete(socket);
      timer.cancel();
    };
    const timer = this.#clock.at(Instant(this.#clock.now() + this.#firstBytesTimeoutMs), () => {
      socket.destroy();
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", forget);

    let seen: Buffer | null = null;
    const look = (chunk: Buffer): void => {
      seen = seen ? Buffer.concat([seen, chunk]) : chunk;
      const protocol = protocolOf(seen);
      if (protocol === "undecided") return;
      socket.removeListener("data", look);
      this.#undecided.delete(socket);
      timer.cancel();
      socket.pause();
      socket.unshift(seen);
      if (protocol === "http1") {
        this.#http.emit("connection", socket);
        socket.resume();
      } else {
        forget();
        socket.removeListener("close", forget);
        this.#grpc.accept(socket);
      }
    };
    socket.on("data", look);
  }
}

/** What a connection speaks, by its first bytes. Decides as soon as it can: a lone `P` may be either. */
export function protocolOf(bytes: Uint8Array): "grpc" | "http1" | "undecided" {
  const length = Math.min(bytes.length, preface.length);
  if (preface.compare(bytes, 0, length, 0, length) !== 0) return "http1";
  return bytes.length >= preface.length ? "grpc" : "undecided";
}

function listenError(address: ListenAddress, cause: Error): ListenError {
  const { host, port } = address;
  const errno = errnoOf(cause);
  if (errno === "EADDRINUSE") {
    const message = `${host}:${port} is already in use: choose another address with --listen-client-urls, or stop what listens there`;
    return new ListenError(message, { code: "listen.address-in-use", host, port }, { cause });
  }
  const message = `cannot listen on ${host}:${port} (${errno ?? cause.message}): check --listen-client-urls`;
  return new ListenError(message, { code: "listen.failed", host, port, errno }, { cause });
}
