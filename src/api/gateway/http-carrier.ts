/**
 * A gateway call as an HTTP exchange: JSON of the request is the body, a stream's answers are lines. The response may run
 * while the request's body is still open.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GrpcStatus } from "../../store/wire/status.ts";
import type { Carrier, CarrierListener, FailureForm } from "./carrier.ts";
import { errorBody, httpStatusOf, streamErrorBody } from "./status.ts";

/** Of one call's answer before the event loop is let go, and in one chunk of the response. */
const sliceCharacters = 128 * 1024;
/** What a client may still send after its call has failed, so that it gets to read why; then it is cut off. */
const discardedBytesMax = 16 * 1024 * 1024;

export class HttpCarrier implements Carrier {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #over = false;
  #last = false;
  #discarded = 0;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  start(listener: CarrierListener): void {
    const request = this.#request;
    request.on("data", (chunk: Buffer) => {
      if (this.#over) this.#discard(chunk.length);
      else listener.input(chunk);
    });
    request.on("end", () => {
      if (!this.#over) listener.inputEnded();
    });
    request.on("error", () => {}); // the response closes too
    this.#response.on("drain", () => {
      if (!this.#over) listener.drained();
    });
    this.#response.on("close", () => listener.aborted());
  }

  line(json: string): boolean {
    this.#head(200);
    return this.#response.write(`${json}\n`);
  }

  answer(pieces: Iterator<string>): void {
    this.#over = true;
    this.#head(200);
    this.#slices(pieces);
  }

  fail(status: GrpcStatus, form: FailureForm): void {
    this.#over = true;
    const response = this.#response;
    const body = form === "stream" ? `${streamErrorBody(status)}\n` : errorBody(status);
    if (!response.headersSent) this.#head(httpStatusOf(status.code));
    this.#end(body);
  }

  end(): void {
    this.#over = true;
    this.#head(200);
    this.#end("");
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

  /** Sends a slice, lets others run or the client catch up, goes on. A small answer leaves in one piece with its length. */
  #slices(pieces: Iterator<string>): void {
    const response = this.#response;
    if (response.destroyed) return;
    let text = "";
    try {
      for (let piece = pieces.next(); ; piece = pieces.next()) {
        if (piece.done) {
          this.#end(text);
          return;
        }
        text += piece.value;
        if (text.length >= sliceCharacters) break;
      }
    } catch (error) {
      response.destroy(); // half an answer must not look whole
      throw error;
    }
    if (response.write(text)) setImmediate(() => this.#slices(pieces));
    else response.once("drain", () => this.#slices(pieces));
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
