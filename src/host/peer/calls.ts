/**
 * Calls on a connection: many at once, told apart by a number. The calling side keeps the open ones; the answering side
 * runs the handler and writes the result, or the code of what it threw.
 */
import { assert } from "../../base/assert.ts";
import { AgentError, messageOf } from "../../base/errors.ts";
import type { MemberId } from "../../base/ids.ts";
import type { Connection } from "./connection.ts";
import { PeerError } from "./errors.ts";
import { decodeBody, encodeFrame, type Frame, frameTypes } from "./frame.ts";

/** Calls waiting for an answer, and calls being answered, on one connection. More are refused with `peer.busy`. */
export const callsPendingMax = 4096;

interface OpenCall {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** The calling side of one connection. */
export class OpenCalls {
  readonly #peer: MemberId;
  readonly #open = new Map<number, OpenCall>();
  #next = 1;

  constructor(peer: MemberId) {
    this.#peer = peer;
  }

  /** Sends a call. Rejects with PeerError. */
  call(
    connection: Connection,
    method: string,
    payload: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    if (this.#open.size >= callsPendingMax) return Promise.reject(this.#error("peer.busy", "too many calls"));
    if (signal?.aborted) return Promise.reject(this.#error("peer.canceled", "the call was canceled"));
    const id = this.#next;
    this.#next = (id % 0xffff_ffff) + 1;
    assert(!this.#open.has(id), "call numbers are not used twice");
    return new Promise((resolve, reject) => {
      const cancel = (): void =>
        this.#settle(id)?.reject(this.#error("peer.canceled", "the call was canceled"));
      signal?.addEventListener("abort", cancel, { once: true });
      const done = (): void => signal?.removeEventListener("abort", cancel);
      this.#open.set(id, {
        resolve: (value) => {
          done();
          resolve(value);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      const bytes = payload.length + method.length * 4 + 16;
      connection.write(encodeFrame(frameTypes.call, bytes, (body) => body.u32(id).text(method).raw(payload)));
    });
  }

  /** A result or failure frame. An answer to a call that was canceled is dropped. */
  answered(frame: Frame): void {
    if (frame.type === frameTypes.result) {
      const { id, payload } = decodeBody(frame.body, (reader) => ({
        id: reader.u32(),
        payload: reader.rest(),
      }));
      this.#settle(id)?.resolve(payload);
      return;
    }
    const failure = decodeBody(frame.body, (reader) => ({
      id: reader.u32(),
      code: reader.text(),
      text: reader.text(),
    }));
    const detail = { code: "peer.call-failed", peer: this.#peer, remote: failure.code } as const;
    this.#settle(failure.id)?.reject(new PeerError(failure.text, detail));
  }

  /** The connection is gone: whether the calls were carried out is unknown. */
  disconnected(reason: string): void {
    for (const id of [...this.#open.keys()])
      this.#settle(id)?.reject(this.#error("peer.disconnected", reason));
  }

  #settle(id: number): OpenCall | undefined {
    const call = this.#open.get(id);
    this.#open.delete(id);
    return call;
  }

  #error(code: "peer.busy" | "peer.canceled" | "peer.disconnected", text: string): PeerError {
    return new PeerError(text, { code, peer: this.#peer });
  }
}

/** Answers one call. */
export type CallHandler = (from: MemberId, method: string, payload: Uint8Array) => Promise<Uint8Array>;

/** The answering side of one connection. */
export class CallServer {
  readonly #from: MemberId;
  readonly #connection: Connection;
  readonly #handler: CallHandler;
  #running = 0;

  constructor(
    options: { readonly from: MemberId },
    modules: { readonly connection: Connection; readonly handler: CallHandler },
  ) {
    this.#from = options.from;
    this.#connection = modules.connection;
    this.#handler = modules.handler;
  }

  /** A call frame. Throws PeerCodecError. */
  called(frame: Frame): void {
    const { id, method, payload } = decodeBody(frame.body, (reader) => ({
      id: reader.u32(),
      method: reader.text(),
      payload: reader.rest(),
    }));
    if (this.#running >= callsPendingMax) this.#fail(id, "peer.busy", "too many calls");
    else void this.#run(id, method, payload);
  }

  async #run(id: number, method: string, payload: Uint8Array): Promise<void> {
    this.#running++;
    try {
      const result = await this.#handler(this.#from, method, payload);
      this.#connection.write(
        encodeFrame(frameTypes.result, result.length + 4, (body) => body.u32(id).raw(result)),
      );
    } catch (error) {
      this.#fail(id, error instanceof AgentError ? error.code : "unknown", messageOf(error));
    } finally {
      this.#running--;
    }
  }

  #fail(id: number, code: string, text: string): void {
    this.#connection.write(
      encodeFrame(frameTypes.failure, 256, (body) => body.u32(id).text(code).text(text)),
    );
  }
}
