/** What a notification of the kernel is about, as far as it concerns us. */
import type { KernelNews } from "../../network/kernel-state.ts";
import { addressType, decodeAddress } from "../netlink/address.ts";
import { decodeLink, linkType } from "../netlink/link.ts";
import type { Message } from "../netlink/message.ts";
import { decodeNeighbour, neighbourType } from "../netlink/neighbour.ts";
import { decodeRoute, routeType, tableMain } from "../netlink/route.ts";

/** Our device; `index` is 0 while there is none. */
export interface OwnDevice {
  readonly name: string;
  readonly index: number;
}

/** When it is not known what changed. */
export const allNews: KernelNews = { own: true, external: true };
const own: KernelNews = { own: true, external: false };
const external: KernelNews = { own: false, external: true };

/**
 * Null for what is none of our business: on a busy host most routes and neighbours are others'. Of foreign routes only
 * those to everywhere in the main table can move the external interface.
 */
export function newsOf({ type, body }: Message, device: OwnDevice): KernelNews | null {
  switch (type) {
    case linkType.NEW:
    case linkType.DEL: {
      const { name, index } = decodeLink(body);
      return name === device.name || index === device.index ? own : external;
    }
    case addressType.NEW:
    case addressType.DEL:
      return decodeAddress(body)?.index === device.index ? own : external;
    case routeType.NEW:
    case routeType.DEL: {
      const route = decodeRoute(body);
      if (route === null) return null;
      if (route.device !== null && route.device === device.index) return own;
      return route.table === tableMain && route.destination.length === 0 ? external : null;
    }
    case neighbourType.NEW:
    case neighbourType.DEL:
      return decodeNeighbour(body).index === device.index ? own : null;
    default:
      return null;
  }
}
