import fc from "fast-check";
import { test } from "tap";
import {
  type DbusMessage,
  decodeMessage,
  encodeMessage,
  messageLength,
} from "../../../../src/host/dbus/message.ts";
import { type DbusValue, parseSignature, Variant } from "../../../../src/host/dbus/type.ts";

const call: DbusMessage = {
  kind: "call",
  serial: 7,
  replySerial: 0,
  path: "/org/freedesktop/systemd1",
  interface: "org.freedesktop.systemd1.Manager",
  member: "StartUnit",
  errorName: "",
  destination: "org.freedesktop.systemd1",
  sender: "",
  signature: "",
  body: [],
};

test("signatures", async (t) => {
  for (const good of ["", "s", "as", "a{sv}", "a(sa(sv))", "(i(tx))vy", "aaay"])
    t.ok(parseSignature(good), good);
  for (const bad of ["z", "a", "(", "()", "(s", "a{", ")", `${"a".repeat(40)}s`])
    t.notOk(parseSignature(bad), bad);
});

test("what is written is read back", async (t) => {
  const cases: [signature: string, body: DbusValue[]][] = [
    ["", []],
    ["ss", ["hello.service", "replace"]],
    ["asbb", [["/run/fleet/units/ä.service"], true, false]],
    ["ynqiuxtd", [255, -2, 65535, -5, 4294967295, -(2n ** 63n), 2n ** 64n - 1n, 0.5]],
    ["a(st)ya(sv)", [[["a", 1n]], 1, [["k", new Variant("as", ["x", "y"])]]]],
    ["aay", [[[1, 2], [], [3]]]],
    ["at", [[]]],
    ["vv", [new Variant("(sv)", ["a", new Variant("u", 3)]), new Variant("o", "/")]],
  ];
  for (const [signature, body] of cases) {
    const bytes = encodeMessage({ ...call, signature, body });
    t.equal(messageLength(bytes), bytes.length, "its length is in its head");
    t.strictSame(decodeMessage(bytes), { ...call, signature, body }, signature);
  }
  t.equal(messageLength(encodeMessage(call).subarray(0, 15)), undefined);
});

test("any bytes are a message or malformed", async (t) => {
  const whole = encodeMessage({ ...call, signature: "a(sv)s", body: [[["k", new Variant("t", 1n)]], "end"] });
  const change = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(change, fc.nat(whole.length), (changes, end) => {
      const bytes = Buffer.from(whole.subarray(0, end));
      for (const [at, value] of changes) if (at < end) bytes[at] = value;
      try {
        if (messageLength(bytes) === undefined) return true;
        decodeMessage(bytes);
        return true;
      } catch (error) {
        return (error as { code?: string }).code === "dbus.malformed";
      }
    }),
    { numRuns: 2000 },
  );
  t.pass("never worse");
});
