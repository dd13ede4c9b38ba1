import fc from "fast-check";
import { test } from "tap";
import { crc32c } from "../../../src/base/crc32c.ts";

test("crc32c: the published vectors", async (t) => {
  // RFC 3720 appendix B.4, and the customary check value.
  t.equal(crc32c(0, Buffer.from("123456789")), 0xe3069283);
  t.equal(crc32c(0, Buffer.alloc(32)), 0x8a9136aa);
  t.equal(crc32c(0, Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.equal(crc32c(0, Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
  t.equal(crc32c(0, Buffer.alloc(0)), 0);
});

test("crc32c: continuing is the same as joining", async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }),
      (left, right) => crc32c(crc32c(0, left), right) === crc32c(0, Buffer.concat([left, right])),
    ),
  );
});
