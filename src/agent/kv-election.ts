/**
 * The engine's leader where the store is not ours (`--etcd-endpoints`): agents elect one by a key with a lease, much as
 * fleet does (fleet.md 6.1). Every third of the TTL each agent tries to create the key; the holder
 * renews its lease. The value names the holder's client URL, where machines report. A holder counts itself leader only
 * until its TTL after it last *asked* for a renewal that was granted, so two agents never believe it at once.
 */

import { utf8 } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import type { Instant } from "../base/ids.ts";
import type { Clock, Logger, Timer } from "../base/ports.ts";
import type { KvClient } from "../store/kv.ts";
import type { LeaderLocator } from "./units/ports.ts";

/** fleet.md 6.1: 5 engine reconcile intervals of 2 s. */
const ttlSeconds = 10;
/** Beside fleet's own `engine-leader`, which is the engine's claim (units/registry-writes.ts) and has no lease here. */
const key = utf8.encode("/_coreos.com/fleet/lease/engine-election");

interface Holder {
  readonly machineId: string;
  readonly url: string;
}

export class KvElection implements LeaderLocator {
  readonly #self: Holder;
  readonly #kv: KvClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #lease = 0n;
  #holder: Holder | null = null;
  #heldUntil = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: { self: Holder }, modules: { kv: KvClient; clock: Clock; logger: Logger }) {
    this.#self = options.self;
    this.#kv = modules.kv;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
  }

  start(): void {
    void this.#round();
  }

  /** Who leads, as far as this agent knows; null while nobody does. */
  async leader(): Promise<{ url: string; self: boolean } | null> {
    if (!this.#holder) return null;
    const self = this.#holder.machineId === this.#self.machineId;
    if (self && this.#clock.now() >= this.#heldUntil) return null;
    return { url: this.#holder.url, self };
  }

  /** Stops, and gives the lease back so that another agent can take over at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#holder = null;
    if (this.#lease !== 0n) await this.#kv.leaseRevoke({ ID: this.#lease }).catch(() => {});
  }

  async #round(): Promise<void> {
    const asked = this.#clock.now();
    try {
      await this.#renewLease();
      await this.#tryToHold(asked);
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, "engine election round failed");
    }
    if (this.#closed) return;
    const next = (this.#clock.now() + (ttlSeconds * 1000) / 3) as Instant;
    this.#timer = this.#clock.at(next, () => void this.#round());
  }

  async #renewLease(): Promise<void> {
    if (this.#lease !== 0n && (await this.#kv.leaseKeepAlive({ ID: this.#lease })).TTL > 0) return;
    this.#lease = (await this.#kv.leaseGrant({ TTL: ttlSeconds })).ID;
  }

  async #tryToHold(asked: Instant): Promise<void> {
    const value = utf8.encode(
      JSON.stringify({ MachineID: this.#self.machineId, Version: 1, URL: this.#self.url }),
    );
    const answer = await this.#kv.txn({
      compare: [{ target: 1, key, create_revision: 0 }],
      success: [{ request_put: { key, value, lease: this.#lease } }],
      failure: [{ request_range: { key } }],
    });
    const found = answer.responses[0]?.response_range?.kvs[0];
    const mine = answer.succeeded || found?.lease === this.#lease;
    this.#holder = mine ? this.#self : found ? parseHolder(found.value) : null;
    if (mine) this.#heldUntil = asked + ttlSeconds * 1000;
  }
}

/** A value of real fleet has no URL: then there is a leader, but none that we can report to. */
function parseHolder(value: Uint8Array): Holder | null {
  try {
    const parsed: unknown = JSON.parse(utf8.decode(value));
    if (typeof parsed !== "object" || parsed === null) return null;
    const { MachineID, URL: url } = parsed as { MachineID?: unknown; URL?: unknown };
    return typeof MachineID === "string" && typeof url === "string" ? { machineId: MachineID, url } : null;
  } catch {
    return null;
  }
}
