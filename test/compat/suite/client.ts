/**
 * A gRPC client at message level, for one server: any rpc of rpcs.ts by name, with any metadata. Over node:http2, so that
 * nothing of ours but the codecs stands between a case and the server.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { decodeGrpcMessage, GrpcDeframer, grpcFrame } from "../../../src/store/wire/grpc-frame.ts";
import type { GrpcStatus } from "../../../src/store/wire/status.ts";
import { rpcs } from "./rpcs.ts";

export type Metadata = Readonly<Record<string, string>>;

/** How a call came out: the messages, and the status it ended with. */
export interface Outcome {
  readonly messages: readonly object[];
  readonly status: GrpcStatus;
}

/** An open call: what arrives is kept until asked for. */
export class SuiteStream {
  readonly rpc: string;
  readonly #stream: ClientHttp2Stream;
  readonly #arrived: object[] = [];
  readonly #waiting: Array<() => void> = [];
  #status: GrpcStatus = { code: 14, message: "the stream ended without a status" };
  #ended = false;

  constructor(session: ClientHttp2Session, rpc: string, metadata: Metadata) {
    this.rpc = rpc;
    const { path, response } = rpcs[rpc]!;
    const fixed = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    this.#stream = session.request({ ...fixed, ...metadata });
    const deframer = new GrpcDeframer(2 ** 31 - 1);
    const takeStatus = (headers: Record<string, unknown>): void => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      this.#status = {
        code: Number(code),
        message: decodeGrpcMessage(String(headers["grpc-message"] ?? "")),
      };
    };
    this.#stream.on("response", takeStatus);
    this.#stream.on("trailers", takeStatus);
    this.#stream.on("data", (chunk: Buffer) => {
      deframer.push(chunk);
      for (let frame = deframer.next(); frame; frame = deframer.next()) {
        this.#arrived.push(response.decode(Buffer.from(frame.bytes)));
      }
      this.#wake();
    });
    this.#stream.on("error", () => {}); // `close` follows
    this.#stream.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  send(request: object): void {
    this.#stream.write(grpcFrame(rpcs[this.rpc]!.request.encode(request)));
  }

  sendLast(request: object): void {
    this.#stream.end(grpcFrame(rpcs[this.rpc]!.request.encode(request)));
  }

  finish(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** The next message; null when there is none any more. */
  async next(): Promise<object | null> {
    while (this.#arrived.length === 0 && !this.#ended) await this.#news();
    return this.#arrived.shift() ?? null;
  }

  /** How it ended, with the messages that nobody took. */
  async outcome(): Promise<Outcome> {
    while (!this.#ended) await this.#news();
    return { messages: this.#arrived, status: this.#status };
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export class SuiteClient {
  readonly #endpoint: string;
  #session: ClientHttp2Session | null = null;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** Opens a call of any kind; `sendLast` makes it a unary one. */
  stream(rpc: string, metadata: Metadata = {}): SuiteStream {
    if (!this.#session || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(`http://${this.#endpoint}`);
      this.#session.on("error", () => {}); // every stream hears of it by its own `close`
    }
    return new SuiteStream(this.#session, rpc, metadata);
  }

  /** A unary call or a whole server stream. */
  call(rpc: string, request: object, metadata: Metadata = {}): Promise<Outcome> {
    const stream = this.stream(rpc, metadata);
    stream.sendLast(request);
    return stream.outcome();
  }

  close(): void {
    this.#session?.destroy();
    this.#session = null;
  }
}
