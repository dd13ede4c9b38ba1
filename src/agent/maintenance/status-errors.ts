/** What Status reports as errors (etcd.md 8.1): no leader, then the alarms as protobuf prints them. */
import { type AlarmMember, AlarmType } from "../../store/wire/admin-messages.ts";

const alarmNames = new Map<number, string>(Object.entries(AlarmType).map(([name, kind]) => [kind, name]));

export function statusErrors(hasLeader: boolean, alarms: readonly AlarmMember[]): string[] {
  return [...(hasLeader ? [] : ["etcdserver: no leader"]), ...alarms.map(alarmText)];
}

/** `memberID:123 alarm:NOSPACE `, with the blank at the end; fields with their default are left out. */
export function alarmText({ memberID, alarm }: AlarmMember): string {
  const member = memberID === 0n ? "" : `memberID:${memberID} `;
  return alarm === AlarmType.NONE ? member : `${member}alarm:${alarmNames.get(alarm) ?? alarm} `;
}
