/**
 * Who is in the cluster, as clients see it: names and URLs (etcd.md 7), and who ever left. Who votes is raft's configuration;
 * both are in step because one entry of the log changes both. Ids that were removed are kept for ever: none comes back.
 */
import { MemberId } from "../base/ids.ts";
import type { StoreWrite } from "./storage.ts";
import { idKey, Table } from "./tables.ts";
import type { MemberChange } from "./wire/admin-messages.ts";
import { Member, type MemberAttributes } from "./wire/messages.ts";

export class MemberTable {
  readonly #members = new Map<MemberId, Member>();
  readonly #removed = new Set<MemberId>();
  /** Another number after every change. */
  version = 0;

  get(id: MemberId): Member | undefined {
    return this.#members.get(id);
  }

  /** Sorted by id, as etcd lists them. */
  list(): Member[] {
    return [...this.#members.values()].sort((left, right) => (left.ID < right.ID ? -1 : 1));
  }

  isRemoved(id: MemberId): boolean {
    return this.#removed.has(id);
  }

  set(member: Member, writes: StoreWrite[]): void {
    const id = MemberId(member.ID);
    this.version++;
    this.#members.set(id, member);
    writes.push({ type: "put", key: idKey(Table.member, id), value: Member.encode(member) });
  }

  /** A started member told its name and client URLs. One that was removed meanwhile is not brought back. */
  setAttributes(attributes: MemberAttributes, writes: StoreWrite[]): void {
    const member = this.#members.get(MemberId(attributes.ID));
    if (member === undefined) return;
    this.set({ ...member, name: attributes.name, clientURLs: attributes.clientURLs }, writes);
  }

  /** All members as the change says; what it says was checked before it was proposed (agent/membership). */
  change(change: MemberChange, writes: StoreWrite[]): void {
    this.version++;
    const after = new Set(change.members.map((member) => member.ID));
    for (const id of this.#members.keys()) {
      if (after.has(id)) continue;
      this.#members.delete(id);
      writes.push({ type: "del", key: idKey(Table.member, id) });
    }
    for (const member of change.members) {
      // A name or URL that a member told while the change was under way stays.
      const { name, clientURLs } = this.#members.get(MemberId(member.ID)) ?? member;
      this.set({ ...member, name, clientURLs }, writes);
    }
    if (change.removed === 0n) return;
    this.#removed.add(MemberId(change.removed));
    writes.push({ type: "put", key: idKey(Table.removedMember, change.removed), value: Buffer.from([1]) });
  }

  load(row: Uint8Array): void {
    const member = Member.decode(row);
    this.version++;
    this.#members.set(MemberId(member.ID), member);
  }

  loadRemoved(key: Uint8Array): void {
    this.#removed.add(MemberId(Buffer.from(key).readBigUInt64BE(1)));
  }

  reset(): void {
    this.version++;
    this.#members.clear();
    this.#removed.clear();
  }
}
