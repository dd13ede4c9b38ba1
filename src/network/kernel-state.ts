/**
 * What a backend wants of the kernel, what the kernel has, and the port between. Everything here belongs to one device of
 * ours: ownership is by that device, so entries of others are neither read nor touched.
 */
import type { Ipv4, Prefix } from "./ipv4.ts";
import type { Mac } from "./mac.ts";

/** A VXLAN device (flannel.md 4.1). */
export interface VxlanDevice {
  readonly kind: "vxlan";
  readonly name: string;
  readonly mac: Mac;
  readonly mtu: number;
  readonly vni: number;
  /** Index of the underlay's interface. */
  readonly parent: number;
  /** Source address of the outer packets. */
  readonly local: Ipv4;
  /** UDP port; null is "the kernel's default" when desired, and never found in an actual device. */
  readonly port: number | null;
  readonly learning: boolean;
  readonly gbp: boolean;
}

/** A route over the device: main table, protocol boot. */
export interface Route {
  readonly destination: Prefix;
  readonly gateway: Ipv4 | null;
  readonly onlink: boolean;
}

/** A permanent ARP entry on the device. */
export interface Neighbour {
  readonly address: Ipv4;
  readonly mac: Mac;
}

/** A permanent forwarding entry of the device: frames to `mac` go to the host `destination`. */
export interface Forwarding {
  readonly mac: Mac;
  readonly destination: Ipv4;
}

/** What a backend desires. Plain data: no order, no duplicates. */
export interface KernelState {
  readonly device: VxlanDevice;
  readonly addresses: readonly Prefix[];
  /** Addresses of the device inside this prefix are ours to remove, others stay (flannel.md 4.1). */
  readonly network: Prefix;
  readonly neighbours: readonly Neighbour[];
  readonly forwarding: readonly Forwarding[];
  readonly routes: readonly Route[];
}

/** The device under our name as found. Another kind, or a null MAC, means that somebody else made it. */
export interface ActualDevice extends Omit<VxlanDevice, "kind" | "mac"> {
  readonly kind: string;
  readonly mac: Mac | null;
  readonly index: number;
  readonly up: boolean;
}

/** What there is on our device: of routes and entries only those of the kind that we make. */
export interface ActualState {
  /** Null when there is no device of our name; then all lists are empty. */
  readonly device: ActualDevice | null;
  readonly addresses: readonly Prefix[];
  readonly neighbours: readonly Neighbour[];
  readonly forwarding: readonly Forwarding[];
  readonly routes: readonly Route[];
}

/** One step towards the desired state. `reason` is for the log. */
export type Change = { readonly reason: string } & (
  | { readonly type: "delete-device"; readonly name: string }
  /** Creates it and sets it up. */
  | { readonly type: "create-device"; readonly device: VxlanDevice }
  /**
   * Sets it up, and corrects its MAC or MTU where given. Only what is wrong is written: any write of the MAC, even of the
   * same one, makes the kernel forget the device's ARP entries.
   */
  | { readonly type: "set-device"; readonly mac: Mac | null; readonly mtu: number | null }
  | { readonly type: "delete-address" | "add-address"; readonly address: Prefix }
  | { readonly type: "delete-neighbour" | "set-neighbour"; readonly neighbour: Neighbour }
  | { readonly type: "delete-forwarding" | "set-forwarding"; readonly forwarding: Forwarding }
  | { readonly type: "delete-route" | "add-route"; readonly route: Route }
);

/** What became of one change that the kernel refused. The others were tried all the same. */
export interface FailedChange {
  readonly change: Change;
  readonly problem: string;
}

/** The interface that carries the encapsulated packets (flannel.md 5, "Interface selection"). */
export interface ExternalInterface {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  readonly address: Ipv4;
}

export type ExternalVerdict =
  | { readonly ok: true; readonly external: ExternalInterface }
  | { readonly ok: false; readonly problem: string };

/** How to find the external interface: by name or address, by the public address, or by the default route. */
export interface ExternalChoice {
  readonly iface?: string | undefined;
  readonly publicIp?: Ipv4 | undefined;
}

/** What a burst of notifications may have been about; at least one of them. */
export interface KernelNews {
  /** Our device, or what is on it. */
  readonly own: boolean;
  /** Another link or its addresses, or a default route: the external interface may be another one. */
  readonly external: boolean;
}

/**
 * The kernel as the network core needs it; host/network implements it over netlink. `read` and `apply` are synchronous:
 * rtnetlink answers within the call, and a device's own entries are few (measurements in the implementation). Both throw
 * an operating error when the kernel cannot be asked at all.
 */
export interface KernelPort {
  /** Reads the whole table of routes: on a host with very many of them this is the expensive call. */
  external(choice: ExternalChoice): ExternalVerdict;
  /** The device of that name and what is on it. */
  read(deviceName: string): ActualState;
  /** Tries every change in order; returns those that were refused. */
  apply(deviceName: string, changes: readonly Change[]): FailedChange[];
  /** Calls back, some milliseconds later and once for a burst, when something that concerns us may have changed. */
  onChange(deviceName: string, changed: (news: KernelNews) => void): { close(): void };
  close(): void;
}
