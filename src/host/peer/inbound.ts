/** A connection that a peer opened: the greeting, then messages and calls, or one snapshot. */
import type { Socket } from "node:net";
import { AgentError, messageOf } from "../../base/errors.ts";
import { type ClusterId, hex, Instant, type MemberId } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { SnapshotMeta } from "../../raft/entry.ts";
import type { Message } from "../../raft/message.ts";
import { readSnapshotMeta } from "../codec/raft-values.ts";
import { type CallHandler, CallServer } from "./calls.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { decodeMessage } from "./codec.ts";
import { Connection } from "./connection.ts";
import { PeerCodecError, PeerError } from "./errors.ts";
import { decodeBody, encodeFrame, type Frame, frameTypes } from "./frame.ts";
import { decodeHello, encodeRefused, type Hello, refusal } from "./handshake.ts";

/** What peers make us do. */
export interface InboundHandlers {
  message(message: Message): void;
  readonly call: CallHandler;
  /** Resolves when the snapshot is installed. `chunks` throws if the connection breaks. */
  snapshot(from: MemberId, meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Whether the member was removed from the cluster; nobody was unless given. */
  isRemoved?(member: MemberId): boolean;
}

export interface InboundModules {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handlers: InboundHandlers;
  readonly closed: (connection: InboundConnection) => void;
}

/** From accepting the connection to its hello. */
export const helloMs = 5000;

/** What the kind of connection does with its frames. */
interface Dialogue {
  frame(frame: Frame): void;
  closed(reason: string): void;
}

export class InboundConnection {
  readonly #self: { readonly clusterId: ClusterId; readonly id: MemberId };
  readonly #modules: InboundModules;
  readonly #connection: Connection;
  readonly #address: string;
  #dialogue: Dialogue;
  /** Who is at the other end, once that is known. */
  peer: MemberId | null = null;

  /** `socket` stands behind the preface; `first` are bytes that were read already. */
  constructor(
    options: {
      readonly self: { readonly clusterId: ClusterId; readonly id: MemberId };
      readonly socket: Socket;
      readonly first: Buffer;
    },
    modules: InboundModules,
  ) {
    this.#self = options.self;
    this.#modules = modules;
    this.#address = options.socket.remoteAddress ?? "";
    const { clock } = modules;
    const deadline = clock.at(Instant(clock.now() + helloMs), () => this.close("no hello in time"));
    this.#dialogue = {
      frame: (frame) => {
        deadline.cancel();
        this.#hello(frame);
      },
      closed: () => deadline.cancel(),
    };
    this.#connection = new Connection(
      { socket: options.socket },
      {
        clock,
        handlers: {
          frame: (frame) => this.#dialogue.frame(frame),
          closed: (reason) => {
            this.#dialogue.closed(reason);
            modules.closed(this);
          },
        },
      },
    );
    this.#connection.feed(options.first);
  }

  get bytesRead(): number {
    return this.#connection.bytesRead;
  }

  get bytesWritten(): number {
    return this.#connection.bytesWritten;
  }

  close(reason: string): void {
    this.#connection.close(reason);
  }

  #hello(frame: Frame): void {
    const { logger } = this.#modules;
    if (frame.type !== frameTypes.hello) throw new PeerCodecError(`frame ${frame.type} in place of a hello`);
    const hello = decodeHello(frame.body);
    const isRemoved = (member: MemberId): boolean => this.#modules.handlers.isRemoved?.(member) ?? false;
    const reason = refusal(hello, this.#self, isRemoved);
    if (reason !== null) {
      logger.warn({ peer: hex(hello.from), address: this.#address, reason }, "peer refused");
      this.#dialogue = { frame: () => {}, closed: () => {} };
      this.#connection.finish(encodeRefused(reason), reason);
      return;
    }
    this.peer = hello.from;
    this.#connection.greeted();
    this.#connection.write(encodeFrame(frameTypes.welcome));
    this.#dialogue = hello.kind === "raft" ? this.#raft(hello) : this.#snapshot(hello);
  }

  #raft(hello: Hello): Dialogue {
    const { handlers, logger } = this.#modules;
    const { from } = hello;
    const calls = new CallServer({ from }, { connection: this.#connection, handler: handlers.call });
    return {
      frame: (frame) => {
        if (frame.type === frameTypes.call) return calls.called(frame);
        if (frame.type !== frameTypes.message) throw new PeerCodecError(`frame ${frame.type} among messages`);
        const message = decodeMessage(frame.body);
        if (message.from !== from || message.to !== this.#self.id) {
          throw new PeerCodecError(`a message from ${hex(message.from)} to ${hex(message.to)}`);
        }
        handlers.message(message);
      },
      closed: (reason) => logger.debug({ peer: hex(from), reason }, "incoming peer connection closed"),
    };
  }

  #snapshot(hello: Hello): Dialogue {
    const queue = new ChunkQueue({ flow: this.#connection });
    let begun = false;
    return {
      frame: (frame) => {
        if (!begun && frame.type === frameTypes.snapshot) {
          begun = true;
          void this.#receive(hello.from, decodeBody(frame.body, readSnapshotMeta), queue);
        } else if (begun && frame.type === frameTypes.chunk) queue.push(frame.body);
        else if (begun && frame.type === frameTypes.end) queue.end(null);
        else throw new PeerCodecError(`frame ${frame.type} in a snapshot`);
      },
      closed: (reason) => queue.end(new PeerError(reason, { code: "peer.disconnected", peer: hello.from })),
    };
  }

  async #receive(from: MemberId, meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#modules.handlers.snapshot(from, meta, chunks);
      this.#connection.finish(encodeFrame(frameTypes.done), "the snapshot is installed");
    } catch (error) {
      const code = error instanceof AgentError ? error.code : "unknown";
      const text = messageOf(error);
      this.#modules.logger.warn(
        { peer: hex(from), index: meta.index, error: text },
        "snapshot not installed",
      );
      const failure = encodeFrame(frameTypes.failure, 256, (body) => body.text(code).text(text));
      this.#connection.finish(failure, "the snapshot was not installed");
    }
  }
}
