/**
 * A D-Bus client connection over a unix socket: method calls and signals, nothing else (we export no objects). It speaks
 * to a message bus (with Hello) and to a peer such as systemd's private socket (without).
 */
import { createConnection, type Socket } from "node:net";
import { assert } from "../../base/assert.ts";
import { messageOf } from "../../base/errors.ts";
import { authenticate } from "./authenticate.ts";
import { DbusError } from "./errors.ts";
import { type DbusMessage, decodeMessage, encodeMessage, messageLength } from "./message.ts";
import type { DbusValue } from "./type.ts";

export interface DbusOptions {
  /** Path of the unix socket. */
  readonly path: string;
  /** Whether a bus daemon is at the other end: it wants `Hello` first, and match rules before it passes signals on. */
  readonly bus: boolean;
  readonly uid: number;
  readonly connectMs?: number;
}

/** What a call names; `destination` is ignored by a peer that is no bus. */
export interface DbusTarget {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
}

interface PendingCall {
  resolve(body: readonly DbusValue[]): void;
  reject(error: DbusError): void;
}

const callsPendingMax = 4096;
const busTarget: DbusTarget = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};

/** One connection. Made by `connectDbus`. */
export class DbusConnection {
  readonly #socket: Socket;
  readonly #bus: boolean;
  readonly #pending = new Map<number, PendingCall>();
  readonly #signalListeners = new Set<(signal: DbusMessage) => void>();
  readonly #closeListeners = new Set<() => void>();
  #serial = 0;
  #received: Buffer;
  #closed = false;

  constructor(options: { bus: boolean; received: Buffer }, modules: { socket: Socket }) {
    this.#socket = modules.socket;
    this.#bus = options.bus;
    this.#received = options.received;
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#end());
    this.#socket.resume();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Calls a method; resolves with the body of the answer. Rejects with `dbus.remote` or `dbus.closed`. */
  call(
    target: DbusTarget,
    member: string,
    signature = "",
    body: readonly DbusValue[] = [],
  ): Promise<readonly DbusValue[]> {
    if (this.#closed) return Promise.reject(closedError());
    assert(this.#pending.size < callsPendingMax, "calls under way stay below their maximum");
    this.#serial = (this.#serial % 0xffff_fffe) + 1;
    const serial = this.#serial;
    const message: DbusMessage = {
      kind: "call",
      serial,
      replySerial: 0,
      path: target.path,
      interface: target.interface,
      member,
      errorName: "",
      destination: this.#bus ? target.destination : "",
      sender: "",
      signature,
      body,
    };
    return new Promise((resolve, reject) => {
      this.#pending.set(serial, { resolve, reject });
      this.#socket.write(encodeMessage(message));
    });
  }

  /** Asks the bus to pass on signals that match `rule`; a peer that is no bus passes all. */
  async match(rule: string): Promise<void> {
    if (this.#bus) await this.call(busTarget, "AddMatch", "s", [rule]);
  }

  /** Calls `listener` for each signal, synchronously and in order with answers. Returns how to stop that. */
  onSignal(listener: (signal: DbusMessage) => void): () => void {
    this.#signalListeners.add(listener);
    return () => this.#signalListeners.delete(listener);
  }

  /** Calls `listener` once when the connection ends, for whatever reason. */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.add(listener);
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length ? Buffer.concat([this.#received, chunk]) : chunk;
    try {
      for (;;) {
        const length = messageLength(this.#received);
        if (length === undefined || this.#received.length < length) return;
        // A copy, because values may be kept and alignment counts from the message's own start.
        const message = decodeMessage(Buffer.from(this.#received.subarray(0, length)));
        this.#received = this.#received.subarray(length);
        this.#dispatch(message);
      }
    } catch (error) {
      if (!(error instanceof DbusError)) throw error;
      this.close();
    }
  }

  #dispatch(message: DbusMessage): void {
    if (message.kind === "signal") {
      for (const listener of this.#signalListeners) listener(message);
      return;
    }
    const call = this.#pending.get(message.replySerial);
    if (!call) return;
    this.#pending.delete(message.replySerial);
    if (message.kind === "return") call.resolve(message.body);
    else call.reject(remoteError(message));
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#pending.values()) call.reject(closedError());
    this.#pending.clear();
    for (const listener of this.#closeListeners) listener();
  }
}

/** Longest wait for a connection to be accepted, authenticated and greeted, unless the options say otherwise. */
const connectMs = 3_000;

/**
 * Connects, authenticates and, on a bus, says Hello. Throws `dbus.unreachable`, `dbus.refused`, or `dbus.closed`, also when the
 * other side does not answer in time; nothing is left open then.
 */
export async function connectDbus(options: DbusOptions): Promise<DbusConnection> {
  const socket = await openSocket(options.path);
  const deadline = setTimeout(() => socket.destroy(), options.connectMs ?? connectMs);
  try {
    const received = await authenticate(socket, options);
    const connection = new DbusConnection({ bus: options.bus, received }, { socket });
    if (options.bus) await connection.call(busTarget, "Hello");
    return connection;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    const fail = (cause: Error): void => {
      reject(
        new DbusError(
          `no D-Bus at ${path}: ${messageOf(cause)}`,
          { code: "dbus.unreachable", path },
          { cause },
        ),
      );
    };
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function remoteError(message: DbusMessage): DbusError {
  const text = typeof message.body[0] === "string" ? message.body[0] : message.errorName;
  return new DbusError(text, { code: "dbus.remote", name: message.errorName });
}

function closedError(): DbusError {
  return new DbusError("the D-Bus connection closed", { code: "dbus.closed" });
}
