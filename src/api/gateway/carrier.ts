/**
 * What carries the JSON of one gateway call: an HTTP exchange or a WebSocket. Bytes of the request come up through the
 * listener, JSON texts of the answer go down.
 */
import type { GrpcStatus } from "../../store/wire/status.ts";

/** The call's side. Nothing is called after the carrier was told to end, except `aborted`. */
export interface CarrierListener {
  /** Bytes of the request; JSON values may lie across chunks in any way. */
  input(chunk: Buffer): void;
  /** The client sends nothing more. */
  inputEnded(): void;
  /** What was written has left, after `line` returned false. */
  drained(): void;
  /** The client is gone. Harmless when the call is over. */
  aborted(): void;
}

/** Where a failure belongs: the answer of a unary call, or a line of a stream (etcd.md 12.4). */
export type FailureForm = "call" | "stream";

export interface Carrier {
  /** Begins to listen. Called once, before anything else. */
  start(listener: CarrierListener): void;
  /** One answer of a stream, made while it is sent. False: taken, but wait for `drained`. */
  line(pieces: Iterator<string>): boolean;
  /** The answer of a unary call, made while it is sent; ends the exchange. */
  answer(pieces: Iterator<string>): void;
  /** Ends the exchange with an error, behind what is still on its way. */
  fail(status: GrpcStatus, form: FailureForm): void;
  /** Ends a stream in good order, behind what is still on its way. */
  end(): void;
  /** Stops and continues reading the request. */
  pause(): void;
  resume(): void;
  /** Says that the connection must not be used again: the server is about to stop. */
  last(): void;
}
