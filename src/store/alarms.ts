/**
 * The active alarms (etcd.md 8.2 to 8.4) as replicated state: pairs of member and kind, one row each. While one of a kind is
 * active, whoever raised it, the whole cluster refuses what that kind forbids; the decision is made in apply, from this
 * table alone, so that all members agree.
 */
import type { MemberId } from "../base/ids.ts";
import { KvError } from "./errors.ts";
import type { StoreWrite } from "./storage.ts";
import { Table } from "./tables.ts";
import { AlarmAction, AlarmMember, type AlarmRequest, AlarmType } from "./wire/admin-messages.ts";

/** Row key: table byte, member id (u64 big-endian), kind (u8). */
const alarmKeyBytes = 10;

export class AlarmTable {
  /** By row key, in latin1: few, and in the order in which they are listed. */
  readonly #alarms = new Map<string, AlarmMember>();

  get size(): number {
    return this.#alarms.size;
  }

  /** Sorted by member, then kind. */
  list(): AlarmMember[] {
    return [...this.#alarms].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, alarm]) => alarm);
  }

  /** Whether the alarm of this kind is active for any member. */
  isActive(kind: number): boolean {
    if (this.#alarms.size === 0) return false;
    for (const { alarm } of this.#alarms.values()) if (alarm === kind) return true;
    return false;
  }

  has(memberId: MemberId, kind: number): boolean {
    return this.#alarms.has(nameOf(memberId, kind));
  }

  /** What a GET answers: those of one member, or of all (0), and of one kind, or of all (NONE). */
  matching(memberID: bigint, kind: number): AlarmMember[] {
    return this.list().filter(
      (each) =>
        (memberID === 0n || each.memberID === memberID) && (kind === AlarmType.NONE || each.alarm === kind),
    );
  }

  /** Throws `kv.corrupt` while a CORRUPT alarm is active: almost nothing is served then (8.4). */
  checkWhole(): void {
    if (this.isActive(AlarmType.CORRUPT)) throw new KvError("kv.corrupt");
  }

  /** Throws `kv.no-space` while a NOSPACE alarm is active: nothing may grow then (8.2). */
  checkSpace(): void {
    if (this.isActive(AlarmType.NOSPACE)) throw new KvError("kv.no-space");
  }

  /** Applies a request; the alarms that it names or that were removed. GET is not proposed, but harmless. */
  apply(request: AlarmRequest, writes: StoreWrite[]): AlarmMember[] {
    if (request.action === AlarmAction.ACTIVATE) return [this.#activate(request, writes)];
    if (request.action === AlarmAction.DEACTIVATE) return this.#deactivate(request, writes);
    return this.matching(request.memberID, request.alarm);
  }

  load(row: Uint8Array): void {
    const alarm = AlarmMember.decode(row);
    this.#alarms.set(nameOf(alarm.memberID, alarm.alarm), alarm);
  }

  reset(): void {
    this.#alarms.clear();
  }

  #activate({ memberID, alarm: kind }: AlarmRequest, writes: StoreWrite[]): AlarmMember {
    const name = nameOf(memberID, kind);
    const known = this.#alarms.get(name);
    if (known !== undefined) return known;
    const alarm: AlarmMember = { memberID, alarm: kind };
    this.#alarms.set(name, alarm);
    writes.push({ type: "put", key: Buffer.from(name, "latin1"), value: AlarmMember.encode(alarm) });
    return alarm;
  }

  #deactivate({ memberID, alarm: kind }: AlarmRequest, writes: StoreWrite[]): AlarmMember[] {
    const name = nameOf(memberID, kind);
    const known = this.#alarms.get(name);
    if (known === undefined) return [];
    this.#alarms.delete(name);
    writes.push({ type: "del", key: Buffer.from(name, "latin1") });
    return [known];
  }
}

/** The row key as a latin1 string. */
function nameOf(memberId: bigint, kind: number): string {
  const key = Buffer.allocUnsafe(alarmKeyBytes);
  key[0] = Table.alarm;
  key.writeBigUInt64BE(BigInt.asUintN(64, memberId), 1);
  key[9] = kind;
  return key.toString("latin1");
}
