/** The codec against bytes written down from flannel.md 4.1 and 7, little-endian, one attribute a line. */
import fc from "fast-check";
import { test } from "tap";
import { decodeAddress, encodeAddress } from "../../../../src/host/netlink/address.ts";
import { NetlinkError } from "../../../../src/host/netlink/errors.ts";
import {
  decodeDevice,
  decodeLink,
  encodeLinkBody,
  encodeLinkChange,
  encodeVxlan,
} from "../../../../src/host/netlink/link.ts";
import {
  attribute,
  decodeAnswer,
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  nested,
  zeroEnded,
} from "../../../../src/host/netlink/message.ts";
import {
  decodeNeighbour,
  encodeForwarding,
  encodeNeighbour,
} from "../../../../src/host/netlink/neighbour.ts";
import { decodeRoute, encodeRoute, isDefault, isOwnKind } from "../../../../src/host/netlink/route.ts";
import { parseIpv4, parsePrefix } from "../../../../src/network/ipv4.ts";
import type { VxlanDevice } from "../../../../src/network/kernel-state.ts";
import { parseMac } from "../../../../src/network/mac.ts";

const hex = (...lines: string[]): string => lines.join("").replaceAll(" ", "");
const bytes = (...lines: string[]): Buffer => Buffer.from(hex(...lines), "hex");
const mac = parseMac("b6:d1:e9:35:de:c4")!;
const device: VxlanDevice = {
  kind: "vxlan",
  name: "flannel.1",
  mac,
  mtu: 1450,
  vni: 1,
  parent: 2,
  local: parseIpv4("192.168.77.11")!,
  port: null,
  learning: false,
  gbp: false,
};

test("requests, byte for byte", async (t) => {
  const rows: Array<[string, Buffer[], string]> = [
    [
      "a VXLAN device",
      encodeVxlan(device),
      hex(
        "00 00 0000 00000000 00000000 00000000", // ifinfomsg
        "0e00 0300 666c616e6e656c2e3100 0000", // IFNAME flannel.1
        "0a00 0100 b6d1e935dec4 0000", // ADDRESS
        "0800 0400 aa050000", // MTU 1450
        "0800 0d00 00000000", // TXQLEN 0
        "6400 1200", // LINKINFO
        "0a00 0100 76786c616e00 0000", // KIND vxlan
        "5400 0200", // DATA
        "0800 0100 01000000", // ID
        "0800 0300 02000000", // LINK
        "0800 0400 c0a84d0b", // LOCAL
        "0500 0500 00 000000", // TTL
        "0500 0600 00 000000", // TOS
        "0500 0700 00 000000", // LEARNING
        "0500 0b00 00 000000", // PROXY
        "0500 0c00 00 000000", // RSC
        "0500 0d00 00 000000", // L2MISS
        "0500 0e00 00 000000", // L3MISS
      ),
    ],
    [
      "a route",
      encodeRoute(7, {
        destination: parsePrefix("10.5.39.0/24")!,
        gateway: parseIpv4("10.5.39.0"),
        onlink: true,
      }),
      hex(
        "02 18 00 00 fe 03 00 01 04000000",
        "0800 0100 0a052700",
        "0800 0500 0a052700",
        "0800 0400 07000000",
      ),
    ],
    [
      "an address",
      encodeAddress(7, parsePrefix("10.5.34.0/32")!),
      hex("02 20 00 00 07000000", "0800 0200 0a052200", "0800 0100 0a052200"),
    ],
    [
      "an ARP entry",
      encodeNeighbour(7, { address: parseIpv4("10.5.39.0")!, mac }),
      hex("02 00 0000 07000000 8000 00 01", "0800 0100 0a052700", "0a00 0200 b6d1e935dec4 0000"),
    ],
    [
      "a forwarding entry",
      encodeForwarding(7, { mac, destination: parseIpv4("192.168.77.12")! }),
      hex("07 00 0000 07000000 8000 02 00", "0800 0100 c0a84d0c", "0a00 0200 b6d1e935dec4 0000"),
    ],
    [
      "a link set up",
      encodeLinkChange(7, { mac: null, mtu: null }),
      hex("00 00 0000 07000000 01000000 01000000"),
    ],
    [
      "a link with another MAC and MTU",
      encodeLinkChange(7, { mac, mtu: 1450 }),
      hex("00 00 0000 07000000 01000000 01000000", "0a00 0100 b6d1e935dec4 0000", "0800 0400 aa050000"),
    ],
  ];
  for (const [what, parts, expected] of rows) t.equal(Buffer.concat(parts).toString("hex"), expected, what);
  const message = encodeMessage(24, 0x605, 9, [Buffer.from([1, 2, 3])]);
  t.equal(
    message.toString("hex"),
    hex("13000000 1800 0506 09000000 00000000 010203 00"),
    "header and padding",
  );
  const options = Buffer.concat(encodeVxlan({ ...device, port: 4789, gbp: true, learning: true })).toString(
    "hex",
  );
  t.match(options, hex("0600 0f00 12b5 0000"), "the port in network order");
  t.match(options, hex("0400 1700"), "group policy is a flag");
});

test("what is written is read back", async (t) => {
  const route = { destination: parsePrefix("10.5.39.0/24")!, gateway: parseIpv4("10.5.39.0"), onlink: true };
  const decoded = decodeRoute(Buffer.concat(encodeRoute(7, route)))!;
  t.match(decoded, { ...route, device: 7, table: 254, protocol: 3, unicast: true, priority: 0 });
  t.ok(isOwnKind(decoded));
  t.notOk(isDefault(decoded));
  t.notOk(isOwnKind({ ...decoded, protocol: 4 }), "another's by protocol");
  t.notOk(isOwnKind({ ...decoded, priority: 100 }), "another's by priority");
  t.notOk(isOwnKind({ ...decoded, table: 100 }), "another's by table");
  const fallback = decodeRoute(
    bytes("02 00 00 00 fe 03 00 01 00000000", "0800 0500 c0a84d01", "0800 0400 02000000"),
  )!;
  t.ok(isDefault(fallback), "no destination is the default route");
  const found = decodeDevice(decodeLink(Buffer.concat(encodeVxlan({ ...device, port: 8472 }))));
  t.match(found, {
    kind: "vxlan",
    name: "flannel.1",
    mac,
    mtu: 1450,
    vni: 1,
    parent: 2,
    local: device.local,
    port: 8472,
  });
  t.match(found, { learning: false, gbp: false, up: false });
  t.match(decodeLink(encodeLinkBody({ index: 3, flags: 1 })), {
    index: 3,
    name: "",
    up: true,
    mac: null,
    kind: "",
  });
  const entry = decodeNeighbour(Buffer.concat(encodeForwarding(7, { mac, destination: device.local })));
  t.same(entry, { family: 7, index: 7, permanent: true, self: true, address: device.local, mac });
  t.same(decodeAddress(Buffer.concat(encodeAddress(7, parsePrefix("10.5.34.0/32")!))), {
    index: 7,
    prefix: parsePrefix("10.5.34.0/32"),
    scope: 0,
    permanent: false,
    secondary: false,
    deprecated: false,
  });
  t.equal(decodeAddress(bytes("0a 40 00 00 07000000")), null, "IPv6");
  t.equal(decodeRoute(bytes("0a 40 00 00 fe 03 00 01 00000000")), null, "IPv6");
});

test("a decoded link outlives the receive buffer", async (t) => {
  const buffer = Buffer.concat(encodeVxlan(device));
  const link = decodeLink(buffer);
  buffer.fill(0xff);
  t.match(decodeDevice(link), { name: "flannel.1", vni: 1, parent: 2, local: device.local });
});

test("answers", async (t) => {
  const answer = (flags: string, ...body: string[]): object => {
    const payload = bytes(...body);
    const header = Buffer.alloc(4);
    header.writeUInt32LE(16 + payload.length);
    return decodeAnswer(
      decodeMessages(Buffer.concat([header, bytes("0200", flags, "01000000 00000000"), payload]))[0]!,
    );
  };
  const original = "10000000 1800 0506 01000000 00000000";
  t.same(answer("0001", "00000000", original), { errno: 0, text: null }, "an acknowledgement");
  t.same(answer("0001", "efffffff", original), { errno: 17, text: null }, "EEXIST");
  const text = "0b00 0100 6e6f20776179 00 00";
  t.same(
    answer("0003", "eaffffff", original, text),
    { errno: 22, text: "no way" },
    "with text, request capped",
  );
  const whole = "18000000 1800 0506 01000000 00000000 aabbccddeeff0011";
  t.same(answer("0002", "eaffffff", whole, text), { errno: 22, text: "no way" }, "with text, whole request");
});

test("bytes that are no messages are refused, never read beyond", async (t) => {
  for (const [what, data] of [
    ["cut header", "1000"],
    ["length below a header", "0f000000 0200 0000 00000000 00000000"],
    ["length beyond the datagram", "11000000 0200 0000 00000000 00000000"],
  ] as const) {
    t.throws(() => decodeMessages(bytes(data)), NetlinkError, what);
  }
  t.throws(() => decodeAttributes(bytes("0300 0100")), NetlinkError, "attribute shorter than its header");
  t.throws(() => decodeAttributes(bytes("0900 0100 00000000")), NetlinkError, "attribute beyond the body");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      try {
        for (const message of decodeMessages(Buffer.from(data))) {
          decodeAnswer(message);
          decodeAttributes(message.body);
        }
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
      }
    }),
  );
});

test("attributes come back as they went, whatever their length", async () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.uint8Array({ maxLength: 9 })), {
        selector: ([type]) => type,
      }),
      (list) => {
        const outer = decodeAttributes(
          nested(
            0x8012,
            list.map(([type, payload]) => attribute(type, payload)),
          ),
        );
        const inner = decodeAttributes(outer.get(0x12)!);
        return (
          inner.size === list.length && list.every(([type, payload]) => inner.get(type)!.equals(payload))
        );
      },
    ),
  );
  fc.assert(fc.property(fc.string({ maxLength: 15 }), (text) => zeroEnded(3, text).length % 4 === 0));
});
