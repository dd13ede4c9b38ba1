/**
 * A gateway call as an HTTP exchange: JSON of the request is the body, a stream's answers are lines. The response may run
 * while the request's body is still open.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GrpcStatus } from "../../store/wire/status.ts";
import type { Carrier, CarrierListener, FailureForm } from "./carrier.ts";
import { nextSlice, Outbox } from "./outbox.ts";
import { errorBody, httpStatusOf, streamErrorBody } from "./status.ts";

/** What a client may still send after its call has failed, so that it gets to read why; then it is cut off. */
const discardedBytesMax = 16 * 1024 * 1024;

export class HttpCarrier implements Carrier {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #outbox: Outbox;
  #listener: CarrierListener | undefined;
  #over = false;
  #last = false;
  #discarded = 0;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    this.#outbox = new Outbox({
      send: (text) => response.write(text),
      drained: () => {
        if (!this.#over) this.#listener?.drained();
      },
      broken: () => response.destroy(),
    });
  }

  start(listener: CarrierListener): void {
    this.#listener = listener;
    const request = this.#request;
    request.on("data", (chunk: Buffer) => {
      if (this.#over) this.#discard(chunk.length);
      else listener.input(chunk);
    });
    request.on("end", () => {
      if (!this.#over) listener.inputEnded();
    });
    request.on("error", () => {}); // the response closes too
    this.#response.on("drain", () => this.#outbox.resume());
    this.#response.on("close", () => {
      this.#outbox.discard();
      listener.aborted();
    });
  }

  line(pieces: Iterator<string>): boolean {
    this.#head(200);
    return this.#outbox.add(followed("", pieces, "\n"));
  }

  answer(pieces: Iterator<string>): void {
    this.#over = true;
    this.#head(200);
    const { text, done } = nextSlice(pieces);
    // A small answer leaves in one piece with its length.
    if (done) this.#end(text);
    else {
      this.#outbox.add(followed(text, pieces, ""));
      this.#outbox.close(() => this.#end(""));
    }
  }

  fail(status: GrpcStatus, form: FailureForm): void {
    this.#over = true;
    const response = this.#response;
    const body = form === "stream" ? `${streamErrorBody(status)}\n` : errorBody(status);
    if (!response.headersSent) this.#head(httpStatusOf(status.code));
    this.#outbox.close(() => this.#end(body));
  }

  end(): void {
    this.#over = true;
    this.#head(200);
    this.#outbox.close(() => this.#end(""));
  }

  pause(): void {
    this.#request.pause();
  }

  resume(): void {
    this.#request.resume();
  }

  last(): void {
    this.#last = true;
    if (!this.#response.headersSent) this.#response.setHeader("connection", "close");
  }

  #head(status: number): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    response.setHeader("content-type", "application/json");
    if (status === 200) response.setHeader("grpc-metadata-content-type", "application/grpc");
    response.statusCode = status;
  }

  #end(text: string): void {
    const response = this.#response;
    if (!response.headersSent) response.setHeader("content-length", Buffer.byteLength(text));
    response.end(text);
    if (this.#last) response.once("finish", () => this.#request.socket.destroySoon());
    this.#request.resume();
  }

  #discard(bytes: number): void {
    this.#discarded += bytes;
    if (this.#discarded > discardedBytesMax) this.#request.socket.destroy();
  }
}

/** `before`, the pieces, `after`. */
function* followed(before: string, pieces: Iterator<string>, after: string): Generator<string, void, void> {
  yield before;
  for (let piece = pieces.next(); !piece.done; piece = pieces.next()) yield piece.value;
  yield after;
}
