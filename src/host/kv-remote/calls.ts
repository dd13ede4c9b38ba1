/**
 * Calls that find a connection, and another one where that is allowed (retry.ts): what every rpc of the remote client goes
 * through. Errors are KvError, `kv.stopped` once the client is closed, `kv.canceled` when the caller gave up.
 */
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { type CallOptions, KvError } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { kvErrorOfStatus } from "../../store/wire/status.ts";
import { answers } from "./answers.ts";
import { backoffMs, pause } from "./backoff.ts";
import type { Connections } from "./connections.ts";
import type { CallEnd } from "./grpc-call.ts";
import type { GrpcConnection } from "./grpc-connection.ts";
import { metadataOf } from "./metadata.ts";
import { type CallKind, mayResend } from "./retry.ts";

export interface CallsModules {
  readonly connections: Connections;
  readonly clock: Clock;
  /** Aborted when the client closes. */
  readonly closed: AbortSignal;
}

/** When a call is given up. */
interface Patience {
  readonly signal: AbortSignal;
  /** Takes the deadline away; the caller may still give up. */
  endless(): void;
}

export class Calls {
  readonly #timeoutMs: number;
  readonly #modules: CallsModules;

  constructor(options: { requestTimeoutMs: number }, modules: CallsModules) {
    this.#timeoutMs = options.requestTimeoutMs;
    this.#modules = modules;
  }

  /** The answer's message. */
  async unary(kind: CallKind, path: string, message: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const patience = this.#patience(options);
    const { signal } = patience;
    const metadata = metadataOf(options.caller);
    try {
      let failure = new KvError("kv.canceled");
      for (let attempt = 0; ; attempt++) {
        const connection = await this.#connected(attempt, failure, signal);
        if (connection instanceof KvError) {
          failure = connection;
          continue;
        }
        if (kind === "long") patience.endless();
        const end = await connection.unary(path, message, metadata, signal);
        if (end.fate === "answered" && end.status.code === GrpcCode.OK) {
          if (end.message === null) throw new KvError("kv.unknown", "the answer has no message");
          return end.message;
        }
        failure = this.#refused(kind, connection, end, attempt, options);
      }
    } catch (error) {
      throw this.#meant(error, signal, options);
    } finally {
      patience.endless();
    }
  }

  /** The messages of an rpc with one request. Sent again only before the first of them; without a deadline once it is sent. */
  async *stream(path: string, message: Uint8Array, options: CallOptions): AsyncGenerator<Uint8Array, void> {
    const patience = this.#patience(options);
    const { signal } = patience;
    const request = { path, message, metadata: metadataOf(options.caller) };
    try {
      let failure = new KvError("kv.canceled");
      for (let attempt = 0; ; attempt++) {
        const connection = await this.#connected(attempt, failure, signal);
        if (connection instanceof KvError) {
          failure = connection;
          continue;
        }
        patience.endless();
        const pieces = answers(connection, request, signal);
        let begun = false;
        let next = await pieces.next();
        try {
          for (; !next.done; next = await pieces.next()) {
            begun = true;
            yield next.value;
          }
        } finally {
          if (!next.done) await pieces.return(canceledEnd);
        }
        if (next.value.fate === "answered" && next.value.status.code === GrpcCode.OK) return;
        failure = this.#refused(begun ? "write" : "read", connection, next.value, attempt, options);
      }
    } catch (error) {
      throw this.#meant(error, signal, options);
    } finally {
      patience.endless();
    }
  }

  #patience(options: CallOptions): Patience {
    const { clock, closed } = this.#modules;
    const timeout = new AbortController();
    const timer = clock.at(Instant(clock.now() + this.#timeoutMs), () => timeout.abort());
    const signals = [timeout.signal, closed];
    if (options.signal) signals.push(options.signal);
    return { signal: AbortSignal.any(signals), endless: () => timer.cancel() };
  }

  /** Why the call failed for good is thrown; a failure after which it may be tried elsewhere is returned. */
  #refused(
    kind: CallKind,
    connection: GrpcConnection,
    end: CallEnd,
    attempt: number,
    options: CallOptions,
  ): KvError {
    const { connections } = this.#modules;
    const failure = kvErrorOfStatus(end.status);
    const askedAll = attempt + 1 >= connections.count;
    const leaderless = failure.code === "kv.no-leader" && options.caller?.requiresLeader === true;
    if (!mayResend(kind, end) || (leaderless && askedAll)) throw failure;
    connections.abandon(connection);
    return failure;
  }

  /** What the caller hears when it was not the server that refused. */
  #meant(error: unknown, signal: AbortSignal, options: CallOptions): unknown {
    if (options.signal?.aborted) return new KvError("kv.canceled", undefined, { cause: error });
    if (this.#modules.closed.aborted) return new KvError("kv.stopped", undefined, { cause: error });
    if (!(error instanceof KvError) || error.code !== "kv.canceled" || !signal.aborted) return error;
    return new KvError("kv.timeout", "the server did not answer in time", { cause: error });
  }

  /** A connection for attempt number `attempt`, or why there is none now. Throws `failure` once `signal` is aborted. */
  async #connected(
    attempt: number,
    failure: KvError,
    signal: AbortSignal,
  ): Promise<GrpcConnection | KvError> {
    const { connections, clock } = this.#modules;
    await pause(backoffMs(attempt, connections.count), clock, signal);
    if (signal.aborted) throw failure;
    return this.#connect(signal);
  }

  /** Every endpoint refused, or `signal` was aborted while connecting. */
  #connect(signal: AbortSignal): Promise<GrpcConnection | KvError> {
    return new Promise((resolve) => {
      // A listener left behind would keep the call's signal, and so the call, alive for as long as the client.
      const settle = (outcome: GrpcConnection | KvError): void => {
        signal.removeEventListener("abort", aborted);
        resolve(outcome);
      };
      const aborted = (): void => settle(new KvError("kv.canceled"));
      signal.addEventListener("abort", aborted);
      this.#modules.connections.get().then(settle, (error: unknown) => {
        settle(
          error instanceof KvError ? error : new KvError("kv.unknown", messageOf(error), { cause: error }),
        );
      });
    });
  }
}

const canceledEnd: CallEnd = { status: { code: GrpcCode.CANCELED, message: "canceled" }, fate: "lost" };
