/**
 * The network core's KernelPort over netlink: reads one device with everything on it, makes changes, and says when to look
 * again. Every call works with fresh dumps; nothing about the kernel is remembered between calls.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { assertNever } from "../../base/assert.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Timer } from "../../base/ports.ts";
import type {
  ActualState,
  Change,
  ExternalChoice,
  ExternalVerdict,
  FailedChange,
  Forwarding,
  KernelNews,
  KernelPort,
  Neighbour,
  VxlanDevice,
} from "../../network/kernel-state.ts";
import { errno, NetlinkError } from "../netlink/errors.ts";
import type { Libc } from "../netlink/libc.ts";
import { decodeDevice, decodeLink, linkType } from "../netlink/link.ts";
import { isOwnKind } from "../netlink/route.ts";
import { isRefusal, Rtnetlink } from "../netlink/rtnetlink.ts";
import { NotificationSocket } from "../netlink/socket.ts";
import { chooseExternal } from "./external.ts";
import { allNews, newsOf } from "./news.ts";

/** A burst of notifications, as when a device goes, is one callback this long after its first. */
export const settleMs = 5;

export class NetlinkKernel implements KernelPort {
  readonly #libc: Libc;
  readonly #clock: Clock;
  readonly #netlink: Rtnetlink;

  /** Throws netlink.unavailable. */
  constructor(modules: { libc: Libc; clock: Clock }) {
    this.#libc = modules.libc;
    this.#clock = modules.clock;
    this.#netlink = new Rtnetlink({ libc: modules.libc });
  }

  external(choice: ExternalChoice): ExternalVerdict {
    const netlink = this.#netlink;
    const byRoute = choice.iface === undefined;
    const view = {
      links: netlink.links(),
      addresses: netlink.addresses(0),
      routes: byRoute ? netlink.routes(null) : [],
    };
    return chooseExternal(view, choice);
  }

  read(deviceName: string): ActualState {
    const netlink = this.#netlink;
    const link = netlink.link(deviceName);
    if (!link) return { device: null, addresses: [], neighbours: [], forwarding: [], routes: [] };
    const { index } = link;
    const neighbours: Neighbour[] = [];
    for (const { permanent, address, mac } of netlink.neighbours(index)) {
      if (permanent && address !== null && mac !== null) neighbours.push({ address, mac });
    }
    const forwarding: Forwarding[] = [];
    for (const { permanent, address, mac } of netlink.forwarding(index)) {
      if (permanent && address !== null && mac !== null) forwarding.push({ mac, destination: address });
    }
    return {
      device: decodeDevice(link),
      addresses: netlink.addresses(index).map((entry) => entry.prefix),
      neighbours,
      forwarding,
      routes: netlink
        .routes(index)
        .filter(isOwnKind)
        .map(({ destination, gateway, onlink }) => ({ destination, gateway, onlink })),
    };
  }

  apply(deviceName: string, changes: readonly Change[]): FailedChange[] {
    const failures: FailedChange[] = [];
    let index = this.#netlink.link(deviceName)?.index ?? 0;
    for (const change of changes) {
      try {
        if (change.type === "create-device") index = this.#create(change.device);
        else this.#change(index, change);
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        if (!isAlreadyGone(change, error)) failures.push({ change, problem: error.message });
        // Without the device everything that follows would fail for the same reason.
        if (change.type === "create-device") return failures;
      }
    }
    return failures;
  }

  onChange(deviceName: string, changed: (news: KernelNews) => void): { close(): void } {
    let timer: Timer | null = null;
    let burst: KernelNews = { own: false, external: false };
    const wake = (news: KernelNews): void => {
      burst = { own: burst.own || news.own, external: burst.external || news.external };
      timer ??= this.#clock.at(Instant(this.#clock.now() + settleMs), () => {
        const settled = burst;
        timer = null;
        burst = { own: false, external: false };
        changed(settled);
      });
    };
    let index = 0;
    const socket = new NotificationSocket(this.#libc, {
      notified(message) {
        if (message.type === linkType.NEW) {
          const link = decodeLink(message.body);
          if (link.name === deviceName) index = link.index;
        }
        const news = newsOf(message, { name: deviceName, index });
        if (news !== null) wake(news);
      },
      overrun: () => wake(allNews),
    });
    // After the groups are joined: a device made before that is found here, one made later is announced.
    index = this.#netlink.link(deviceName)?.index ?? 0;
    return {
      close() {
        timer?.cancel();
        socket.close();
      },
    };
  }

  close(): void {
    this.#netlink.close();
  }

  #create(device: VxlanDevice): number {
    const netlink = this.#netlink;
    netlink.createVxlan(device);
    const index = netlink.link(device.name)?.index ?? 0;
    quietIpv6(device.name);
    netlink.setLink(index, { mac: null, mtu: null });
    return index;
  }

  #change(index: number, change: Exclude<Change, { type: "create-device" }>): void {
    const netlink = this.#netlink;
    switch (change.type) {
      case "delete-device":
        netlink.deleteLink(index, change.name);
        return;
      case "set-device":
        netlink.setLink(index, change);
        return;
      case "delete-address":
        netlink.deleteAddress(index, change.address);
        return;
      case "add-address":
        netlink.addAddress(index, change.address);
        return;
      case "delete-neighbour":
        netlink.deleteNeighbour(index, change.neighbour);
        return;
      case "set-neighbour":
        netlink.setNeighbour(index, change.neighbour);
        return;
      case "delete-forwarding":
        netlink.deleteForwarding(index, change.forwarding);
        return;
      case "set-forwarding":
        netlink.setForwarding(index, change.forwarding);
        return;
      case "delete-route":
        netlink.deleteRoute(index, change.route);
        return;
      case "add-route":
        netlink.addRoute(index, change.route);
        return;
      default:
        assertNever(change);
    }
  }
}

/** Deleting what somebody else deleted in the meantime is done, not failed. */
function isAlreadyGone(change: Change, error: NetlinkError): boolean {
  const gone = [errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL];
  return change.type.startsWith("delete-") && isRefusal(error, ...gone);
}

/** No router advertisement may configure the overlay's device (flannel.md 4.1). A kernel without IPv6 has no such file. */
function quietIpv6(deviceName: string): void {
  const path = `/proc/sys/net/ipv6/conf/${deviceName}/accept_ra`;
  try {
    if (readFileSync(path, "utf8").trim() !== "0") writeFileSync(path, "0");
  } catch {
    // Not there, or /proc/sys is read-only as in some containers: the overlay carries IPv4 all the same.
  }
}
