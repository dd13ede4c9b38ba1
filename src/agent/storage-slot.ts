/**
 * The level database in use, behind one name: a received snapshot replaces the database, everybody else keeps the slot.
 */
import type { Index } from "../base/ids.ts";
import type { LevelStorage } from "../host/level/level-storage.ts";
import type { StoreRecords, StoreWrite } from "../store/storage.ts";
import type { StateStorage } from "./state-machine.ts";

export class StorageSlot implements StoreRecords, StateStorage {
  #current: LevelStorage;

  constructor(first: LevelStorage) {
    this.#current = first;
  }

  get current(): LevelStorage {
    return this.#current;
  }

  get pendingBytes(): number {
    return this.#current.pendingBytes;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#current.get(key);
  }

  write(batch: readonly StoreWrite[], appliedIndex: Index): void {
    this.#current.write(batch, appliedIndex);
  }

  /** The new database takes over; the caller closes the old one, which it gets back. */
  replace(next: LevelStorage): LevelStorage {
    const old = this.#current;
    this.#current = next;
    return old;
  }
}
