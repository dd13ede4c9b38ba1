/**
 * The gateway over WebSocket (etcd.md 12.3): an upgrade on a path of the gateway is a POST whose body stays open. Each text
 * frame of the client is a JSON message, each answer is a text frame.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { GrpcStatus } from "../../store/wire/status.ts";
import type { Access } from "./access.ts";
import type { Carrier, CarrierListener, FailureForm } from "./carrier.ts";
import type { Gateway } from "./gateway.ts";
import { Outbox } from "./outbox.ts";
import { type Route, routeOf } from "./routes.ts";
import { errorBody, streamErrorBody } from "./status.ts";

/** Bytes of answers that wait for a client; beyond, the store keeps them. */
const outboxBytesMax = 256 * 1024;
/** The subprotocol by which a browser, which cannot set headers, gives its token: `Bearer, TOKEN`. */
const bearer = "Bearer";

/** Whether a request asks for a WebSocket, and not for another protocol that this server does not speak. */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket";
}

export class WebSocketCalls {
  readonly #gateway: Gateway;
  readonly #access: Access;
  readonly #server: WebSocketServer;

  constructor(modules: { gateway: Gateway; access: Access }) {
    this.#gateway = modules.gateway;
    this.#access = modules.access;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: modules.gateway.jsonBytesMax,
      // A chunk full of tiny messages would be served in one turn of the event loop.
      allowSynchronousEvents: false,
      handleProtocols: (protocols) => (protocols.has(bearer) ? bearer : false),
    });
  }

  /** Takes over the socket of an upgrade request; every refusal is an HTTP answer and a closed socket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {}); // it closes
    const [path = ""] = (request.url ?? "").split("?", 1);
    const route = routeOf(path);
    if (!isWebSocketUpgrade(request)) refuse(socket, "400 Bad Request");
    else if (this.#access.misdirected(request) !== null) refuse(socket, "421 Misdirected Request");
    else if (!this.#access.mayConnect(request)) refuse(socket, "403 Forbidden");
    else if (route === undefined) refuse(socket, "404 Not Found");
    else this.#server.handleUpgrade(request, socket, head, (opened) => this.#open(route, request, opened));
  }

  #open(route: Route, request: IncomingMessage, socket: WebSocket): void {
    const [scheme, token] = (request.headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
    const headers =
      scheme === bearer && token
        ? { ...request.headers, authorization: `${bearer} ${token}` }
        : request.headers;
    this.#gateway.open(route, headers, new WebSocketCarrier(socket));
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

class WebSocketCarrier implements Carrier {
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  #listener: CarrierListener | undefined;
  #over = false;
  #waiting = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#outbox = new Outbox({
      send: (text, last) => this.#send(text, last),
      drained: () => {
        if (!this.#over) this.#listener?.drained();
      },
      broken: () => socket.terminate(),
    });
    socket.on("error", () => {}); // it closes
  }

  start(listener: CarrierListener): void {
    this.#listener = listener;
    this.#socket.on("message", (data) => {
      if (this.#over) return;
      listener.input(bytesOf(data));
      // A frame ends what is in it; a number or a word alone has no other end.
      if (!this.#over) listener.input(newline);
    });
    this.#socket.on("close", () => {
      this.#outbox.discard();
      listener.aborted();
    });
  }

  line(pieces: Iterator<string>): boolean {
    return this.#outbox.add(pieces);
  }

  answer(pieces: Iterator<string>): void {
    this.#over = true;
    this.#outbox.add(pieces);
    this.end();
  }

  fail(status: GrpcStatus, form: FailureForm): void {
    this.#over = true;
    this.#outbox.add([form === "stream" ? streamErrorBody(status) : errorBody(status)].values());
    this.end();
  }

  end(): void {
    this.#over = true;
    this.#outbox.close(() => {
      this.#socket.resume(); // the closing handshake is read, too
      this.#socket.close(1000);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  last(): void {} // a WebSocket serves one call anyway

  /** A long answer is one message in several frames. */
  #send(text: string, last: boolean): boolean {
    this.#socket.send(text, { fin: last }, () => this.#sent());
    this.#waiting = this.#socket.bufferedAmount >= outboxBytesMax;
    return !this.#waiting;
  }

  #sent(): void {
    if (!this.#waiting || this.#socket.bufferedAmount > 0) return;
    this.#waiting = false;
    this.#outbox.resume();
  }
}

const newline = Buffer.from("\n");

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
