/** HPACK: blocks that an encoder with a table could send, damaged or not, give fields or an Http2Error. */
import { test } from "tap";
import { Http2Error } from "../../src/http2/errors.ts";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { encodeHeaders } from "../../src/http2/hpack/encode.ts";
import type { SeededRandom } from "../support/random.ts";
import { corpus, fuzz, mutated, randomBytes } from "./support.ts";

const names = [":path", ":method", "te", "content-type", "grpc-timeout", "x", "a-long-name-of-a-field"];

/** A block of any of the representations of RFC 7541, 6; well-formed but for what is random in it. */
function block(random: SeededRandom): Buffer {
  const pieces: Buffer[] = [];
  for (let count = 1 + random.below(8); count > 0; count--) {
    const kind = random.below(5);
    if (kind === 0)
      pieces.push(encodeHeaders([[random.pick(names), "v".repeat(random.below(40))]]) as Buffer);
    else if (kind === 1) pieces.push(Buffer.from([0x80 | random.below(128)]));
    else if (kind === 2) {
      const value = randomBytes(random, random.below(30));
      pieces.push(Buffer.from([0x40 | random.below(64), value.length, ...value]));
    } else if (kind === 3) {
      const value = randomBytes(random, random.below(20));
      pieces.push(Buffer.from([0x40, 1, 97, 0x80 | value.length, ...value]));
    } else pieces.push(Buffer.from([0x20 | random.below(32)]));
  }
  return Buffer.concat(pieces);
}

function decodeAll(blocks: readonly Uint8Array[]): number {
  const decoder = new HpackDecoder({ listBytesMax: 10_000 });
  for (const [i, each] of blocks.entries()) {
    try {
      const { fields, oversize } = decoder.decode(each, 0, each.length);
      const bytes = fields.reduce((sum, field) => sum + field.bytes, 0);
      if (!oversize && bytes > 10_000) throw new Error(`${bytes} bytes of fields`);
    } catch (error) {
      if (error instanceof Http2Error) return i;
      throw error;
    }
  }
  return blocks.length;
}

test("blocks, damaged or not", async (t) => {
  for (const { name, bytes } of corpus("hpack")) t.doesNotThrow(() => decodeAll([bytes]), name);
  let whole = 0;
  const cases = await fuzz(5000, (random) => {
    const blocks = Array.from({ length: 1 + random.below(5) }, () =>
      random.chance(0.5) ? block(random) : mutated(random, block(random), block(random)),
    );
    if (decodeAll(blocks) === blocks.length) whole++;
  });
  t.ok(whole > 0 && whole < cases, `${whole} of ${cases} read to the end`);
});

test("what we encode is read as it was", async () => {
  await fuzz(2000, (random) => {
    const fields = Array.from(
      { length: random.below(10) },
      () => [random.pick(names), randomBytes(random, random.below(300)).toString("latin1")] as const,
    );
    const bytes = encodeHeaders(fields);
    const decoder = new HpackDecoder({ listBytesMax: 1_000_000 });
    const read = decoder.decode(bytes, 0, bytes.length).fields.map(({ name, value }) => [name, value]);
    if (JSON.stringify(read) !== JSON.stringify(fields)) throw new Error(JSON.stringify(fields));
  });
});
