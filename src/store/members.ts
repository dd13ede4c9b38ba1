/**
 * Who is in the cluster, as clients see it: names and URLs (etcd.md 7). Who votes is raft's configuration; the integrator
 * keeps both in step by applying the same entries. Changes at run time (add, remove, promote) get their commands here.
 */
import { MemberId } from "../base/ids.ts";
import type { StoreWrite } from "./storage.ts";
import { idKey, Table } from "./tables.ts";
import { Member, type MemberAttributes } from "./wire/messages.ts";

export class MemberTable {
  readonly #members = new Map<MemberId, Member>();

  get(id: MemberId): Member | undefined {
    return this.#members.get(id);
  }

  /** Sorted by id, as etcd lists them. */
  list(): Member[] {
    return [...this.#members.values()].sort((left, right) => (left.ID < right.ID ? -1 : 1));
  }

  set(member: Member, writes: StoreWrite[]): void {
    const id = MemberId(member.ID);
    this.#members.set(id, member);
    writes.push({ type: "put", key: idKey(Table.member, id), value: Member.encode(member) });
  }

  /** A started member told its name and client URLs. One that was removed meanwhile is not brought back. */
  setAttributes(attributes: MemberAttributes, writes: StoreWrite[]): void {
    const member = this.#members.get(MemberId(attributes.ID));
    if (member === undefined) return;
    this.set({ ...member, name: attributes.name, clientURLs: attributes.clientURLs }, writes);
  }

  load(row: Uint8Array): void {
    const member = Member.decode(row);
    this.#members.set(MemberId(member.ID), member);
  }

  reset(): void {
    this.#members.clear();
  }
}
