/** Which notifications concern us, on messages as the kernel sends them. */
import { test } from "tap";
import { encodeAddress } from "../../../../src/host/netlink/address.ts";
import { encodeLinkBody } from "../../../../src/host/netlink/link.ts";
import { zeroEnded } from "../../../../src/host/netlink/message.ts";
import { encodeNeighbour } from "../../../../src/host/netlink/neighbour.ts";
import { encodeRoute } from "../../../../src/host/netlink/route.ts";
import { newsOf } from "../../../../src/host/network/news.ts";
import { parseIpv4, parsePrefix } from "../../../../src/network/ipv4.ts";
import { parseMac } from "../../../../src/network/mac.ts";

const link = (index: number, name: string): Buffer =>
  Buffer.concat([encodeLinkBody({ index }), zeroEnded(3, name)]);
const address = (index: number): Buffer => Buffer.concat(encodeAddress(index, parsePrefix("10.5.1.0/32")!));
const neighbour = (index: number): Buffer => {
  const entry = { address: parseIpv4("10.5.2.0")!, mac: parseMac("02:00:00:00:00:02")! };
  return Buffer.concat(encodeNeighbour(index, entry));
};
const route = (index: number, destination: string, table = 254): Buffer => {
  const gateway = parseIpv4("10.0.0.1");
  const bytes = Buffer.concat(
    encodeRoute(index, { destination: parsePrefix(destination)!, gateway, onlink: false }),
  );
  bytes[4] = table;
  return bytes;
};

test("what a notification is about", async (t) => {
  const [own, external] = [
    { own: true, external: false },
    { own: false, external: true },
  ];
  const table: [name: string, type: number, body: Buffer, expected: object | null][] = [
    ["our device", 16, link(7, "flannel.1"), own],
    ["our device, renamed", 16, link(7, "other"), own],
    ["our device, made anew", 16, link(9, "flannel.1"), own],
    ["our device goes", 17, link(7, "flannel.1"), own],
    ["another link", 16, link(2, "eth0"), external],
    ["another link goes", 17, link(2, "eth0"), external],
    ["an address of ours", 21, address(7), own],
    ["another address", 20, address(2), external],
    ["a route of ours", 25, route(7, "10.5.2.0/24"), own],
    ["a foreign route", 24, route(2, "10.9.0.0/16"), null],
    ["a default route", 24, route(2, "0.0.0.0/0"), external],
    ["a default route goes", 25, route(2, "0.0.0.0/0"), external],
    ["a default route of another table", 24, route(2, "0.0.0.0/0", 100), null],
    ["a neighbour of ours", 29, neighbour(7), own],
    ["another neighbour", 28, neighbour(2), null],
    ["something else", 99, Buffer.alloc(16), null],
  ];
  for (const [name, type, body, expected] of table) {
    t.same(newsOf({ type, flags: 0, sequence: 0, body }, { name: "flannel.1", index: 7 }), expected, name);
  }
});
