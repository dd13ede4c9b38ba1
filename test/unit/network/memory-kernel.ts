/**
 * The kernel as data: one host's KernelPort on plain state, with the rules of the real one that the core relies on
 * (entries go with their device; a route is not added over another). `damage` changes it behind the agent's back, `refuse`
 * makes changes fail, `broken` every call.
 */
import { assertNever } from "../../../src/base/assert.ts";
import { NetlinkError } from "../../../src/host/netlink/errors.ts";
import { formatPrefix, type Prefix, samePrefix } from "../../../src/network/ipv4.ts";
import type {
  ActualState,
  Change,
  ExternalVerdict,
  FailedChange,
  KernelNews,
  KernelPort,
  VxlanDevice,
} from "../../../src/network/kernel-state.ts";

export const emptyState: ActualState = {
  device: null,
  addresses: [],
  neighbours: [],
  forwarding: [],
  routes: [],
};

/** The state after one change, or a refusal. Pure. */
export function applied(state: ActualState, change: Change, index = 10): ActualState | string {
  if (change.type === "create-device") {
    if (state.device) return "EEXIST";
    return { ...emptyState, device: actual(change.device, index) };
  }
  if (!state.device) return "ENODEV";
  switch (change.type) {
    case "delete-device":
      return emptyState;
    case "set-device": {
      const { mac, mtu } = change;
      return {
        ...state,
        device: { ...state.device, up: true, mac: mac ?? state.device.mac, mtu: mtu ?? state.device.mtu },
      };
    }
    case "add-address":
      return { ...state, addresses: [...state.addresses, change.address] };
    case "delete-address":
      return {
        ...state,
        addresses: state.addresses.filter((prefix: Prefix) => !samePrefix(prefix, change.address)),
      };
    case "set-neighbour": {
      const others = state.neighbours.filter((entry) => entry.address !== change.neighbour.address);
      return { ...state, neighbours: [...others, change.neighbour] };
    }
    case "delete-neighbour":
      return {
        ...state,
        neighbours: state.neighbours.filter((entry) => entry.address !== change.neighbour.address),
      };
    case "set-forwarding": {
      const others = state.forwarding.filter((entry) => entry.mac !== change.forwarding.mac);
      return { ...state, forwarding: [...others, change.forwarding] };
    }
    case "delete-forwarding": {
      const { mac, destination } = change.forwarding;
      return {
        ...state,
        forwarding: state.forwarding.filter(
          (entry) => entry.mac !== mac || entry.destination !== destination,
        ),
      };
    }
    case "add-route": {
      if (state.routes.some((route) => samePrefix(route.destination, change.route.destination)))
        return "EEXIST";
      return { ...state, routes: [...state.routes, change.route] };
    }
    case "delete-route":
      return { ...state, routes: state.routes.filter((route) => !sameRoute(route, change.route)) };
    default:
      return assertNever(change);
  }
}

function sameRoute(left: ActualState["routes"][number], right: ActualState["routes"][number]): boolean {
  return left.gateway === right.gateway && formatPrefix(left.destination) === formatPrefix(right.destination);
}

export function actual(device: VxlanDevice, index = 10): NonNullable<ActualState["device"]> {
  return { ...device, port: device.port ?? 8472, index, up: true };
}

export class MemoryKernel implements KernelPort {
  state: ActualState = emptyState;
  externalVerdict: ExternalVerdict;
  refuse: (change: Change) => boolean = () => false;
  broken = false;
  readonly applications: Change[][] = [];
  /** How often the external interface was asked for, and the device read. */
  readonly calls = { external: 0, read: 0 };
  #listeners = new Set<(news: KernelNews) => void>();

  constructor(external: ExternalVerdict) {
    this.externalVerdict = external;
  }

  external(): ExternalVerdict {
    this.calls.external += 1;
    this.#check();
    return this.externalVerdict;
  }

  read(): ActualState {
    this.calls.read += 1;
    this.#check();
    return this.state;
  }

  apply(_: string, changes: readonly Change[]): FailedChange[] {
    this.#check();
    this.applications.push([...changes]);
    const failures: FailedChange[] = [];
    for (const change of changes) {
      const next = this.refuse(change) ? "EPERM" : applied(this.state, change);
      if (typeof next !== "string") this.state = next;
      else failures.push({ change, problem: next });
      if (typeof next === "string" && change.type === "create-device") break;
    }
    return failures;
  }

  onChange(_: string, changed: (news: KernelNews) => void): { close(): void } {
    this.#listeners.add(changed);
    return { close: () => this.#listeners.delete(changed) };
  }

  /** Somebody else changes the state; the agent is told. */
  damage(state: Partial<ActualState>): void {
    this.state = { ...this.state, ...state };
    this.notify({ own: true, external: false });
  }

  /** The agent is told that something changed. */
  notify(news: KernelNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  get subscriptions(): number {
    return this.#listeners.size;
  }

  close(): void {}

  #check(): void {
    if (this.broken)
      throw new NetlinkError("broken by the test", { code: "netlink.failed", errno: 105, operation: "test" });
  }
}
