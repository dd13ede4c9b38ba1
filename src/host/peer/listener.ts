/** The peer port: the first bytes of a connection tell a member from an HTTP client. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { errnoOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { PeerError } from "./errors.ts";
import { preface } from "./handshake.ts";
import { answerHttp, type HttpAnswers } from "./http-answer.ts";
import { helloMs } from "./inbound.ts";

/** Open connections on one address; further ones are closed by the listener. */
const connectionsMax = 1024;

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenerModules {
  readonly clock: Clock;
  /** A member: the socket stands behind the preface, `first` was read already. */
  readonly peer: (socket: Socket, first: Buffer) => void;
  readonly http: HttpAnswers;
}

export class PeerListener {
  readonly #modules: ListenerModules;
  readonly #servers: Server[] = [];
  /** Sockets that nobody else owns yet. */
  readonly #strangers = new Set<Socket>();

  constructor(modules: ListenerModules) {
    this.#modules = modules;
  }

  /** Throws PeerError `peer.listen-failed`; what was opened before stays open until `close`. */
  async listen(address: ListenAddress): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    server.maxConnections = connectionsMax;
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => reject(listenFailed(address, cause)));
      server.listen({ host: address.host, port: address.port }, resolve);
    });
  }

  /** Where it listens, with the ports that the system chose. */
  addresses(): ListenAddress[] {
    return this.#servers
      .map((server) => server.address() as AddressInfo | null)
      .filter((address) => address !== null)
      .map(({ address, port }) => ({ host: address, port }));
  }

  /** Accepts no more, and closes what is not a member's connection. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#strangers) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { clock, peer, http } = this.#modules;
    let first: Buffer = Buffer.alloc(0);
    this.#strangers.add(socket);
    const deadline = clock.at(Instant(clock.now() + helloMs), () => socket.destroy());
    const forget = (): void => {
      deadline.cancel();
      this.#strangers.delete(socket);
    };
    const ignore = (): void => {};
    const look = (chunk: Buffer): void => {
      first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
      const length = Math.min(first.length, preface.length);
      if (!first.subarray(0, length).equals(preface.subarray(0, length))) {
        socket.off("data", look);
        answerHttp(socket, first, http);
      } else if (length === preface.length) {
        socket.off("data", look).off("error", ignore).off("close", forget);
        forget();
        peer(socket, first.subarray(preface.length));
      }
    };
    socket.on("data", look).on("error", ignore).on("close", forget);
  }
}

function listenFailed(address: ListenAddress, cause: unknown): PeerError {
  const { host, port } = address;
  return new PeerError(
    `cannot listen for peers on ${host}:${port} (${errnoOf(cause)}): free it, or give --listen-peer-urls another`,
    { code: "peer.listen-failed", host, port },
    { cause },
  );
}
