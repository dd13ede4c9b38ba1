/**
 * Keepalives of one turn of the loop, asked of the leader together: one call, and one confirmation of the leadership, for all
 * that came meanwhile. Each caller gets its own TTL.
 */
import { KvError } from "../store/errors.ts";
import { LeaseRenewals as Request, LeaseRenewed as Response } from "../store/wire/messages.ts";

/** Leases in one call. */
const leasesPerCallMax = 1000;
/** Keepalives that wait for an answer. */
const waitingMax = 100_000;

interface Waiting {
  readonly id: bigint;
  readonly resolve: (ttlSeconds: number) => void;
  readonly reject: (error: unknown) => void;
}

export class LeaseRenewals {
  readonly #ask: (body: Uint8Array) => Promise<Uint8Array>;
  #gathered: Waiting[] = [];
  #count = 0;

  /** `ask` brings the body to the leader and its answer back, or rejects with KvError in time. */
  constructor(modules: { ask: (body: Uint8Array) => Promise<Uint8Array> }) {
    this.#ask = modules.ask;
  }

  /** The granted TTL in seconds; 0 for a lease that is unknown or expired. Rejects with KvError. */
  renew(id: bigint): Promise<number> {
    if (this.#count >= waitingMax) return Promise.reject(new KvError("kv.too-many-requests"));
    this.#count++;
    return new Promise((resolve, reject) => {
      if (this.#gathered.push({ id, resolve, reject }) === 1) setImmediate(() => this.#send());
    });
  }

  #send(): void {
    const all = this.#gathered;
    this.#gathered = [];
    for (let from = 0; from < all.length; from += leasesPerCallMax) {
      void this.#call(all.slice(from, from + leasesPerCallMax));
    }
  }

  async #call(batch: readonly Waiting[]): Promise<void> {
    try {
      const { TTLs } = Response.decode(await this.#ask(Request.encode({ IDs: batch.map(({ id }) => id) })));
      for (const [at, { resolve }] of batch.entries()) resolve(TTLs[at] ?? 0);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#count -= batch.length;
    }
  }
}
