/** A change to the kernel in one line, in the words of `ip` and `bridge`: for the log. */
import { assertNever } from "../base/assert.ts";
import { formatIpv4, formatPrefix, type Ipv4 } from "./ipv4.ts";
import type { Change } from "./kernel-state.ts";

export function describeChange(change: Change): string {
  switch (change.type) {
    case "delete-device":
      return `${change.type} ${change.name}`;
    case "create-device": {
      const { name, vni, local, mac, mtu } = change.device;
      return `${change.type} ${name} vni ${vni} local ${formatIpv4(local)} address ${mac} mtu ${mtu}`;
    }
    case "set-device":
      return `${change.type} up${change.mac ? ` address ${change.mac}` : ""}${change.mtu ? ` mtu ${change.mtu}` : ""}`;
    case "add-address":
    case "delete-address":
      return `${change.type} ${formatPrefix(change.address)}`;
    case "set-neighbour":
    case "delete-neighbour":
      return `${change.type} ${formatIpv4(change.neighbour.address)} lladdr ${change.neighbour.mac}`;
    case "set-forwarding":
    case "delete-forwarding":
      return `${change.type} ${change.forwarding.mac} dst ${formatIpv4(change.forwarding.destination)}`;
    case "add-route":
    case "delete-route":
      return `${change.type} ${formatPrefix(change.route.destination)}${via(change.route.gateway)}`;
    default:
      return assertNever(change);
  }
}

function via(gateway: Ipv4 | null): string {
  return gateway === null ? "" : ` via ${formatIpv4(gateway)}`;
}
