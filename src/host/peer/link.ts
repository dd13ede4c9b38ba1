/**
 * The outgoing side to one peer: a connection that is made again whenever it breaks. Messages are dropped while there is
 * none, which raft expects of a network.
 *
 *     waiting --dial--> dialing --welcome--> connected
 *        ^                 |                     |
 *        +--- 0.1..1 s ----+------ closed -------+        close(): ended, from any state
 */
import { type ClusterId, hex, Instant, type MemberId } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import type { Message } from "../../raft/message.ts";
import { OpenCalls } from "./calls.ts";
import { messageBytes, writeMessage } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import { PeerCodecError, PeerError } from "./errors.ts";
import { encodeFrame, type Frame, frameBytesMax, frameTypes } from "./frame.ts";
import { refusedFor, removedReason } from "./handshake.ts";
import type { CountedBytes, PeerTally } from "./traffic.ts";

const backoffMinMs = 100;
const backoffMaxMs = 1000;
/** Bytes queued for a peer that reads slowly; what does not fit is dropped and the peer reported unreachable. */
export const queueBytesMax: number = 64 * 1024 * 1024;

export interface LinkOptions {
  readonly clusterId: ClusterId;
  readonly self: MemberId;
  readonly peer: MemberId;
  readonly urls: readonly string[];
}

export interface LinkModules {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The connection broke, was not made, its queue is full, or a message was too large for a frame. */
  readonly unreachable: (peer: MemberId) => void;
  /** The peer says that this member was removed from the cluster. */
  readonly removed?: () => void;
  readonly tally: PeerTally;
}

export class PeerLink {
  readonly #options: LinkOptions;
  readonly #modules: LinkModules;
  readonly #calls: OpenCalls;
  #urls: readonly string[];
  #attempt = 0;
  #dialed: { close(reason: string): void } | null = null;
  #retry: Timer | null = null;
  #connected: { readonly connection: Connection; readonly since: Instant; readonly url: string } | null =
    null;
  #lastReason = "";
  #ended = false;

  constructor(options: LinkOptions, modules: LinkModules) {
    this.#options = options;
    this.#modules = modules;
    this.#calls = new OpenCalls(options.peer);
    this.#urls = options.urls;
    this.#dial();
  }

  get urls(): readonly string[] {
    return this.#urls;
  }

  /** Since when it is connected, or null. */
  get connectedSince(): Instant | null {
    return this.#connected?.since ?? null;
  }

  /** The connection that stands, or null. */
  get connection(): CountedBytes | null {
    return this.#connected?.connection ?? null;
  }

  /** The address at which the peer answers now; while it does not, the first that it has. */
  get url(): string | undefined {
    return this.#connected?.url ?? this.#urls[0];
  }

  /** Other addresses of the same peer; a connection that stands is kept if its address may still be right. */
  setUrls(urls: readonly string[]): void {
    if (urls.join(" ") === this.#urls.join(" ")) return;
    this.#urls = urls;
    this.#attempt = 0;
    this.#dialed?.close("the peer has other addresses");
  }

  send(message: Message): void {
    const connection = this.#connected?.connection;
    const { tally } = this.#modules;
    if (!connection) {
      tally.sendFailures++;
      return;
    }
    if (connection.queuedBytes > queueBytesMax) {
      tally.sendFailures++;
      this.#modules.unreachable(this.#options.peer);
      return;
    }
    const bytes = messageBytes(message);
    if (bytes >= frameBytesMax) {
      // The peer would close the connection over it, with all else that is under way.
      tally.sendFailures++;
      const { peer } = this.#options;
      this.#modules.logger.error({ peer: hex(peer), type: message.type, bytes }, "message too large to send");
      this.#modules.unreachable(peer);
      return;
    }
    connection.write(encodeFrame(frameTypes.message, bytes, (body) => writeMessage(body, message)));
  }

  call(method: string, payload: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { peer } = this.#options;
    const connection = this.#connected?.connection;
    if (!connection) {
      return Promise.reject(
        new PeerError(`not connected: ${this.#lastReason}`, { code: "peer.disconnected", peer }),
      );
    }
    if (connection.queuedBytes > queueBytesMax) {
      return Promise.reject(new PeerError("the connection is too slow", { code: "peer.busy", peer }));
    }
    return this.#calls.call(connection, method, payload, signal);
  }

  close(): void {
    this.#ended = true;
    this.#retry?.cancel();
    this.#dialed?.close("the member stops");
  }

  #dial(): void {
    const { clusterId, self, peer } = this.#options;
    const url = this.#urls[this.#attempt % Math.max(1, this.#urls.length)];
    if (url === undefined) {
      this.#closed("the peer has no address");
      return;
    }
    this.#dialed = dial(
      { url, hello: { clusterId, from: self, to: peer, kind: "raft" } },
      {
        clock: this.#modules.clock,
        handlers: {
          welcomed: (connection) => this.#welcomed(connection, url),
          frame: (frame) => this.#frame(frame),
          closed: (reason) => this.#closed(reason),
        },
      },
    );
  }

  #welcomed(connection: Connection, url: string): void {
    this.#attempt = 0;
    this.#lastReason = "";
    this.#connected = { connection, since: this.#modules.clock.now(), url };
    this.#modules.logger.info({ peer: hex(this.#options.peer), url }, "peer connected");
  }

  #frame(frame: Frame): void {
    if (frame.type !== frameTypes.result && frame.type !== frameTypes.failure) {
      throw new PeerCodecError(`frame ${frame.type} on an outgoing connection`);
    }
    this.#calls.answered(frame);
  }

  #closed(reason: string): void {
    const { clock, logger, unreachable, tally } = this.#modules;
    if (this.#connected) {
      tally.closed(this.#connected.connection);
      tally.disconnects++;
    }
    this.#connected = null;
    this.#dialed = null;
    this.#calls.disconnected(reason);
    if (this.#ended) return;
    if (reason === refusedFor(removedReason)) this.#modules.removed?.();
    // The same failure again and again is one line.
    if (reason !== this.#lastReason)
      logger.warn({ peer: hex(this.#options.peer), reason }, "peer not connected");
    this.#lastReason = reason;
    unreachable(this.#options.peer);
    const wait = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#attempt, 10));
    this.#attempt++;
    this.#retry = clock.at(Instant(clock.now() + wait), () => this.#dial());
  }
}
