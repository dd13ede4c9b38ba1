/**
 * The external interface: the one that the encapsulated packets leave by (flannel.md 5, "Interface selection"). Chosen
 * from dumps by rules that take no socket, so that every rule is a row in a test.
 */
import { contains, type Ipv4, parseIpv4 } from "../../network/ipv4.ts";
import type { ExternalChoice, ExternalVerdict } from "../../network/kernel-state.ts";
import type { LinkAddress } from "../netlink/address.ts";
import type { Link } from "../netlink/link.ts";
import { isDefault, type LinkRoute } from "../netlink/route.ts";

/** What the choice is made from. */
export interface HostView {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly LinkRoute[];
}

/** The interface by name or address, by the public address if one of ours, else by the first default route. */
export function chooseExternal(view: HostView, choice: ExternalChoice): ExternalVerdict {
  const { iface, publicIp } = choice;
  if (iface !== undefined) {
    const address = parseIpv4(iface);
    if (address !== null)
      return byAddress(view, address, `no interface has the address ${iface} given as --iface`);
    const link = view.links.find((candidate) => candidate.name === iface);
    return link ? verdict(view, link) : refuse(`there is no interface ${iface} as given by --iface`);
  }
  if (publicIp !== undefined && owner(view, publicIp)) return byAddress(view, publicIp, "");
  const route = view.routes.find(isDefault);
  const link = view.links.find((candidate) => candidate.index === route?.device);
  return link ? verdict(view, link) : refuse("there is no default route; name the interface with --iface");
}

function owner(view: HostView, address: Ipv4): Link | undefined {
  const entry = view.addresses.find((candidate) => candidate.prefix.address === address);
  return view.links.find((link) => link.index === entry?.index);
}

function byAddress(view: HostView, address: Ipv4, problem: string): ExternalVerdict {
  const link = owner(view, address);
  if (!link) return refuse(problem);
  return verdict(view, link, address);
}

function verdict(view: HostView, link: Link, given?: Ipv4): ExternalVerdict {
  const address = given ?? bestAddress(view.addresses.filter((entry) => entry.index === link.index));
  if (address === undefined) return refuse(`interface ${link.name} has no IPv4 address`);
  if (link.mtu === 0) return refuse(`interface ${link.name} has no MTU`);
  return { ok: true, external: { name: link.name, index: link.index, mtu: link.mtu, address } };
}

const linkLocal = { address: parseIpv4("169.254.0.0")!, length: 16 };

/** Global before link-local, permanent before dynamic, primary before secondary; deprecated ones never. */
function bestAddress(addresses: readonly LinkAddress[]): Ipv4 | undefined {
  const rank = (entry: LinkAddress): number =>
    (contains(linkLocal, entry.prefix.address) || entry.scope !== 0 ? 4 : 0) +
    (entry.permanent ? 0 : 2) +
    (entry.secondary ? 1 : 0);
  const usable = addresses.filter((entry) => !entry.deprecated);
  return usable.sort((left, right) => rank(left) - rank(right))[0]?.prefix.address;
}

function refuse(problem: string): ExternalVerdict {
  return { ok: false, problem };
}
