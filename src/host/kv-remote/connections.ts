/**
 * Which server the remote client talks to: one connection at a time, tried in the order of the endpoints from the one after
 * the last that failed.
 */
import { messageOf } from "../../base/errors.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { KvError } from "../../store/kv.ts";
import { parseEndpoint } from "./endpoint.ts";
import { GrpcConnection } from "./grpc-connection.ts";

const connectTimeoutMs = 2_000;

export class Connections {
  readonly #endpoints: readonly URL[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  #next = 0;
  #current: GrpcConnection | null = null;
  #pending: Promise<GrpcConnection> | null = null;
  #closed = false;

  /** Throws RemoteKvError for an endpoint that cannot be used. */
  constructor(options: { endpoints: readonly string[] }, modules: { clock: Clock; logger: Logger }) {
    this.#endpoints = options.endpoints.map(parseEndpoint);
    this.#clock = modules.clock;
    this.#logger = modules.logger;
  }

  get count(): number {
    return this.#endpoints.length;
  }

  /** The live connection, or a new one. Rejects with `kv.unavailable` after every endpoint refused, `kv.stopped` once closed. */
  get(): Promise<GrpcConnection> {
    if (this.#current?.usable) return Promise.resolve(this.#current);
    this.#pending ??= this.#connect().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  /** `connection` cannot serve now; the next `get` goes to the next endpoint. Pointless, and not done, with only one. */
  abandon(connection: GrpcConnection): void {
    if (this.#current !== connection || this.#endpoints.length === 1) return;
    this.#logger.debug({ endpoint: connection.endpoint }, "leaving etcd endpoint");
    this.#current = null;
    this.#next++;
    connection.retire();
  }

  close(): void {
    this.#closed = true;
    this.#current?.destroy();
    this.#current = null;
  }

  async #connect(): Promise<GrpcConnection> {
    let last: unknown;
    for (let tries = 0; tries < this.#endpoints.length; tries++) {
      if (this.#closed) break;
      const endpoint = this.#endpoints[this.#next % this.#endpoints.length]!;
      try {
        const connection = await GrpcConnection.open(endpoint, connectTimeoutMs, this.#clock);
        if (this.#closed) {
          connection.destroy();
          break;
        }
        this.#logger.debug({ endpoint: endpoint.host }, "connected to etcd endpoint");
        this.#current = connection;
        return connection;
      } catch (error) {
        last = error;
        this.#next++;
      }
    }
    if (this.#closed) throw new KvError("kv.stopped");
    throw new KvError("kv.unavailable", `no endpoint could be reached: ${messageOf(last)}`, { cause: last });
  }
}
