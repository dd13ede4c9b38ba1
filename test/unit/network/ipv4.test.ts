import fc from "fast-check";
import { test } from "tap";
import {
  contains,
  formatIpv4,
  formatPrefix,
  Ipv4,
  lastAddress,
  networkOf,
  overlaps,
  type Prefix,
  parseIpv4,
  parsePrefix,
} from "../../../src/network/ipv4.ts";

const address = fc.nat(0xffffffff).map(Ipv4);
const prefix = fc.record({ address, length: fc.nat(32) });

test("text that is no address or prefix", async (t) => {
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.04",
    " 1.2.3.4",
    "1.2.3.4 ",
    "a.b.c.d",
    "1.2.3.-4",
  ]) {
    t.equal(parseIpv4(text), null, JSON.stringify(text));
  }
  for (const text of ["1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/08", "1.2.3.4/8/9", "/8", "1.2.3.4/-1"]) {
    t.equal(parsePrefix(text), null, JSON.stringify(text));
  }
});

test("laws", async () => {
  fc.assert(fc.property(address, (value) => parseIpv4(formatIpv4(value)) === value));
  fc.assert(
    fc.property(prefix, (value) => formatPrefix(parsePrefix(formatPrefix(value))!) === formatPrefix(value)),
  );
  fc.assert(
    fc.property(
      prefix,
      (value) => contains(value, networkOf(value).address) && contains(value, lastAddress(value)),
    ),
  );
  const range = (value: Prefix): [number, number] => [networkOf(value).address, lastAddress(value)];
  fc.assert(
    fc.property(prefix, prefix, (left, right) => {
      const [a, b] = range(left);
      const [c, d] = range(right);
      return overlaps(left, right) === (a <= d && c <= b);
    }),
  );
  fc.assert(
    fc.property(prefix, address, (value, other) => {
      const [first, last] = range(value);
      return contains(value, other) === (other >= first && other <= last);
    }),
  );
});
