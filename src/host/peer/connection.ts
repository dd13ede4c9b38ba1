/**
 * A TCP connection that carries frames, whichever side opened it. What is written in one turn of the loop leaves as one
 * write. Both sides ping, so a dead peer or a cut cable is noticed after a few silent ticks; ticks are counted, not time,
 * so a loop that was late itself suspects nobody.
 */
import type { Socket } from "node:net";
import { Instant } from "../../base/ids.ts";
import type { Clock, Timer } from "../../base/ports.ts";
import { PeerCodecError } from "./errors.ts";
import { encodeFrame, type Frame, FrameSplitter, frameBytesMax, frameTypes } from "./frame.ts";

/** Both sides send a ping this often. */
const pingMs = 500;
/** Ticks without a byte from the other side after which it counts as gone: 3 seconds. */
const silentTicksMax = 6;
/** Longest frame before the greeting is over. */
const greetingBytesMax = 4096;
const ping = encodeFrame(frameTypes.ping);

export interface ConnectionHandlers {
  /** Every frame but pings. Throwing PeerCodecError closes the connection. */
  frame(frame: Frame): void;
  /** Once, whoever closed; `reason` is one line for the log. */
  closed(reason: string): void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #handlers: ConnectionHandlers;
  readonly #splitter = new FrameSplitter(greetingBytesMax);
  #tick: Timer;
  #silentTicks = 0;
  #corked = false;
  #finishing = false;
  #reason: string | null = null;

  /** The socket is this object's from now on. */
  constructor(
    options: { readonly socket: Socket },
    modules: { readonly clock: Clock; readonly handlers: ConnectionHandlers },
  ) {
    this.#socket = options.socket;
    this.#clock = modules.clock;
    this.#handlers = modules.handlers;
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk) => this.feed(chunk));
    this.#socket.on("error", (error) => {
      this.#reason ??= error.message;
    });
    this.#socket.on("end", () => this.close("the peer closed the connection"));
    this.#socket.on("close", () => {
      this.#tick.cancel();
      this.#handlers.closed(this.#reason ?? "the connection was closed");
    });
    this.#tick = this.#nextTick();
  }

  /** Bytes written that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** The greeting is over: frames may be large. */
  greeted(): void {
    this.#splitter.bytesMax = frameBytesMax;
  }

  /** Takes bytes that were read before this object had the socket. */
  feed(chunk: Buffer): void {
    if (this.#finishing) return;
    this.#silentTicks = 0;
    try {
      for (const frame of this.#splitter.push(chunk)) {
        if (this.#socket.destroyed || this.#finishing) return;
        if (frame.type !== frameTypes.ping) this.#handlers.frame(frame);
      }
    } catch (error) {
      if (!(error instanceof PeerCodecError)) throw error;
      this.close(error.message);
    }
  }

  /** Returns false when more than the socket wants is queued; `drained` tells when to go on. */
  write(bytes: Uint8Array): boolean {
    if (this.#socket.destroyed || this.#finishing) return false;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    return this.#socket.write(bytes);
  }

  /** Resolves when the queue is empty, or the connection is closed. */
  drained(): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off("drain", done).off("close", done);
        resolve();
      };
      this.#socket.once("drain", done).once("close", done);
    });
  }

  /** Stops reading, so that the sender is slowed down; `resume` goes on. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#silentTicks = 0;
    this.#socket.resume();
  }

  /** Closes at once; what is queued is lost. */
  close(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  /**
   * Says `last` and closes when the peer has closed, or after some silent ticks. Until then what comes is read and thrown
   * away: closing with unread bytes would reset the connection, and the peer might never see `last`.
   */
  finish(last: Uint8Array, reason: string): void {
    if (this.#socket.destroyed || this.#finishing) return;
    this.#reason ??= reason;
    this.#finishing = true;
    this.#socket.end(last);
    this.resume();
  }

  #nextTick(): Timer {
    return this.#clock.at(Instant(this.#clock.now() + pingMs), () => {
      if (!this.#socket.isPaused() && ++this.#silentTicks > silentTicksMax) {
        this.close("the peer is silent");
        return;
      }
      this.write(ping);
      this.#tick = this.#nextTick();
    });
  }
}
