/** Messages that a client compressed: identity and gzip, nothing else (etcd.md section 1). */
import { gunzip } from "node:zlib";
import { BoundedQueue } from "../../base/bounded-queue.ts";
import { errnoOf, messageOf } from "../../base/errors.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { GrpcError } from "./errors.ts";

/** What goes out as grpc-accept-encoding. */
export const acceptedEncodings = "identity,gzip";

/** Whether `grpc-encoding: name` is one that we read. An empty one is none, as with grpc-go. */
export function isAcceptedEncoding(name: string | undefined): boolean {
  return !name || name === "identity" || name === "gzip";
}

/** Threads of the pool that inflate at a time: the others are left to the disk. */
const runningMax = 2;
/** Messages that wait for one; calls beyond fail with ResourceExhausted. */
const waitingMax = 10_000;

interface Job {
  readonly bytes: Uint8Array;
  readonly maxBytes: number;
  readonly done: (outcome: Uint8Array | GrpcError) => void;
}

/**
 * Inflates off the loop: two kilobytes may become two megabytes, and a client can send many of them at once. One after the other
 * for all calls of a server, in the order in which they came.
 */
export class Inflater {
  readonly #waiting = new BoundedQueue<Job>(waitingMax);
  #running = 0;

  /** Calls `done` later. `maxBytes` bounds the inflated size too: a small bomb must not become a large buffer. */
  inflate(bytes: Uint8Array, maxBytes: number, done: Job["done"]): void {
    const job = { bytes, maxBytes, done };
    if (this.#running < runningMax) this.#run(job);
    else if (!this.#waiting.push(job)) {
      done(new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, "grpc: too many compressed messages"));
    }
  }

  #run({ bytes, maxBytes, done }: Job): void {
    this.#running++;
    gunzip(bytes, { maxOutputLength: maxBytes }, (error, message) => {
      this.#running--;
      const next = this.#waiting.shift();
      if (next) this.#run(next);
      done(error ? refusal(error, maxBytes) : message);
    });
  }
}

function refusal(error: Error, maxBytes: number): GrpcError {
  const errno = errnoOf(error);
  if (errno === "ERR_BUFFER_TOO_LARGE") {
    const message = `grpc: received message after decompression larger than max ${maxBytes}`;
    return new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, message, { cause: error });
  }
  const why = errno === "Z_BUF_ERROR" ? "unexpected EOF" : messageOf(error);
  const message = `grpc: failed to decompress the received message: ${why}`;
  return new GrpcError(GrpcCode.INTERNAL, message, { cause: error });
}
