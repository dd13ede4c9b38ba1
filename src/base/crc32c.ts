/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720 appendix B.4), eight bytes a step ("slicing by 8",
 * Kounavis and Berry 2005). Node's zlib.crc32 is the IEEE polynomial and cannot stand in. Measured on the two-core test
 * machine with 64-byte inputs: one byte a step 0.39 GB/s, four 0.75, eight 1.1, sixteen 1.1; so eight, in 8 KiB of tables.
 */

const polynomial = 0x82f63b78;

/** `tables[t]` advances the checksum by a byte that is followed by `t` more bytes of the same step. */
const [t0, t1, t2, t3, t4, t5, t6, t7] = makeTables();

/**
 * The checksum of `bytes` continued from `previous`: `crc32c(crc32c(0, a), b)` is the checksum of a followed by b.
 * Unsigned 32 bits.
 */
export function crc32c(previous: number, bytes: Uint8Array): number {
  let crc = ~previous;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

type Tables = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function makeTables(): Tables {
  const one = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    one[byte] = crc;
  }
  const next = (table: Int32Array): Int32Array => table.map((crc) => (crc >>> 8) ^ one[crc & 255]!);
  const two = next(one);
  const three = next(two);
  const four = next(three);
  const five = next(four);
  const six = next(five);
  const seven = next(six);
  return [one, two, three, four, five, six, seven, next(seven)];
}
