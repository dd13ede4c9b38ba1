/** One call of a v3 method as a transport makes it, without a transport: bytes in, messages and a status out. */
import { GrpcError } from "../../src/api/transport/errors.ts";
import type { GrpcMethod, GrpcStream, Metadata } from "../../src/api/transport/grpc-method.ts";
import type { GrpcStatus } from "../../src/store/wire/status.ts";

export interface MethodOutcome {
  readonly messages: readonly Uint8Array[];
  /** Null for a stream that was left open after its first message. */
  readonly status: GrpcStatus | null;
}

/** Sends one request; resolves with the status, or with the first message of a stream, which is then canceled. */
export async function callMethod(
  method: GrpcMethod,
  call: { path: string; message: Uint8Array; metadata: Metadata },
): Promise<MethodOutcome> {
  const { path, message, metadata } = call;
  const client = new AbortController();
  if (method.kind === "unary") {
    try {
      const answer = await method.handle({ path, message, metadata, signal: client.signal });
      return { messages: [answer], status: { code: 0, message: "" } };
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
      return { messages: [], status: { code: error.detail.status, message: error.message } };
    }
  }
  return new Promise((resolve) => {
    const messages: Uint8Array[] = [];
    let reading = true;
    let over = false;
    let asked = false;
    const finish = (status: GrpcStatus | null): void => {
      if (over) return;
      over = true;
      resolve({ messages, status });
      stream.onDone?.();
      client.abort();
    };
    const ask = (): void => {
      if (!reading || asked) return;
      asked = true;
      stream.onMessage(message);
    };
    const stream: GrpcStream = {
      path,
      metadata,
      signal: client.signal,
      onMessage() {},
      onHalfClose() {},
      onDrain() {},
      write(bytes) {
        messages.push(Buffer.from(bytes));
        finish(null);
        return true;
      },
      pause() {
        reading = false;
      },
      resume() {
        reading = true;
        ask();
      },
      end: finish,
    };
    method.handle(stream);
    ask();
  });
}
