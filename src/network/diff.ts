/**
 * From the actual to the desired kernel state: an ordered list of changes, each with its reason. Deletions come first, so
 * that a corrected entry never meets the wrong one it replaces; then the device, its address, and per kind what is
 * missing: a route goes last, when the entries that it leads to are there (flannel.md 4.1). Applied to the actual state
 * the changes give the desired one; on equal states the list is empty, which ends every repair.
 */
import { contains, formatIpv4, formatPrefix, type Prefix } from "./ipv4.ts";
import type {
  ActualDevice,
  ActualState,
  Change,
  Forwarding,
  KernelState,
  Neighbour,
  Route,
  VxlanDevice,
} from "./kernel-state.ts";

const routeKey = (route: Route): string =>
  `${formatPrefix(route.destination)} ${route.gateway} ${route.onlink ? "onlink" : ""}`;
const neighbourKey = (neighbour: Neighbour): string => `${neighbour.address} ${neighbour.mac}`;
const forwardingKey = (forwarding: Forwarding): string => `${forwarding.mac} ${forwarding.destination}`;

/** The changes that make `desired` of `actual`. */
export function diff(actual: ActualState, desired: KernelState): Change[] {
  const { device } = desired;
  const { device: found } = actual;
  const wrong = found ? whyUnusable(found, device) : "it is missing";
  if (wrong !== null || !found) {
    const reason = `${device.name}: ${wrong}`;
    const removal: Change[] = found ? [{ type: "delete-device", name: device.name, reason }] : [];
    return [...removal, { type: "create-device", device, reason }, ...entries(nothing, desired)];
  }
  return [...corrections(found, device), ...entries(actual, desired)];
}

const nothing: ActualState = { device: null, addresses: [], neighbours: [], forwarding: [], routes: [] };

/** Why a device cannot be kept: attributes that are fixed for life. Null when it can (flannel.md 4.1, EEXIST). */
function whyUnusable(found: ActualDevice, device: VxlanDevice): string | null {
  if (found.kind !== device.kind) return `it is a ${found.kind} device`;
  if (found.vni !== device.vni) return `its VNI is ${found.vni}`;
  if (found.parent !== device.parent) return `its underlay is interface ${found.parent}`;
  if (found.local !== device.local) return `its local address is ${formatIpv4(found.local)}`;
  if (device.port !== null && found.port !== device.port) return `its port is ${found.port}`;
  if (found.learning !== device.learning) return `its learning flag is ${found.learning}`;
  if (found.gbp !== device.gbp) return `its group policy flag is ${found.gbp}`;
  return null;
}

/** What is wrong about a device but can be corrected in place. */
function corrections(found: ActualDevice, device: VxlanDevice): Change[] {
  const mac = found.mac === device.mac ? null : device.mac;
  const mtu = found.mtu === device.mtu ? null : device.mtu;
  const flaws = [
    mac && `its MAC is ${found.mac}`,
    mtu && `its MTU is ${found.mtu}`,
    !found.up && "it is down",
  ].filter(Boolean);
  if (flaws.length === 0) return [];
  return [{ type: "set-device", mac, mtu, reason: `${device.name}: ${flaws.join(", ")}` }];
}

function entries(actual: ActualState, desired: KernelState): Change[] {
  const ours = actual.addresses.filter((address) => contains(desired.network, address.address));
  const routes = compare(actual.routes, desired.routes, routeKey);
  const forwarding = compare(actual.forwarding, desired.forwarding, forwardingKey);
  const neighbours = compare(actual.neighbours, desired.neighbours, neighbourKey);
  const addresses = compare(ours, desired.addresses, (prefix: Prefix) => formatPrefix(prefix));
  const extra = "no lease asks for it";
  const missing = "it is missing";
  const foreign = "it is not of our subnet";
  // An entry that stays under its key but changes its value is overwritten; deleting the old one after would take the new.
  const kept = new Set(desired.neighbours.map((neighbour) => neighbour.address));
  const stale = neighbours.extra.filter((neighbour) => !kept.has(neighbour.address));
  return [
    ...routes.extra.map((route): Change => ({ type: "delete-route", route, reason: extra })),
    ...stale.map((neighbour): Change => ({ type: "delete-neighbour", neighbour, reason: extra })),
    ...forwarding.extra.map(
      (entry): Change => ({ type: "delete-forwarding", forwarding: entry, reason: extra }),
    ),
    ...addresses.extra.map((address): Change => ({ type: "delete-address", address, reason: foreign })),
    ...addresses.missing.map((address): Change => ({ type: "add-address", address, reason: missing })),
    ...neighbours.missing.map((neighbour): Change => ({ type: "set-neighbour", neighbour, reason: missing })),
    ...forwarding.missing.map(
      (entry): Change => ({ type: "set-forwarding", forwarding: entry, reason: missing }),
    ),
    ...routes.missing.map((route): Change => ({ type: "add-route", route, reason: missing })),
  ];
}

function compare<Entry>(
  actual: readonly Entry[],
  desired: readonly Entry[],
  key: (entry: Entry) => string,
): { extra: Entry[]; missing: Entry[] } {
  const have = new Set(actual.map(key));
  const want = new Set(desired.map(key));
  return {
    extra: actual.filter((entry) => !want.has(key(entry))),
    missing: desired.filter((entry) => !have.has(key(entry))),
  };
}
