/** Every message table: whatever the bytes, a message or a WireError; what was read is written and read again alike. */
import { test } from "tap";
import * as admin from "../../src/store/wire/admin-messages.ts";
import * as concurrency from "../../src/store/wire/concurrency-messages.ts";
import * as messages from "../../src/store/wire/messages.ts";
import {
  type Codec,
  type Field,
  message,
  nested,
  repeated,
  string,
  WireError,
} from "../../src/store/wire/protobuf.ts";
import type { SeededRandom } from "../support/random.ts";
import { corpus, fuzz, mutated, randomBytes } from "./support.ts";

type Table = Codec<object>;

const tables: [name: string, table: Table][] = Object.entries({
  ...messages,
  ...admin,
  ...concurrency,
}).filter((entry): entry is [string, Table] => typeof (entry[1] as Partial<Table>).decode === "function");

const counters = [0, 1, 127, 128, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, -1];
const ids = [0n, 1n, 2n ** 32n, 2n ** 63n - 1n, -1n];

function anyOf(field: Field<unknown>, random: SeededRandom, depth: number): unknown {
  if (field.nested) return shapeOf(field.nested(), random, depth + 1);
  switch (field.kind) {
    case "bytes":
      return randomBytes(random, random.below(20));
    case "string":
      return random.pick(["", "a", "ä€😀", "name", "x".repeat(200)]);
    case "bool":
      return random.chance(0.5);
    case "int64":
      return random.pick(counters);
    case "id64":
      return random.pick(ids);
    case "uint64":
      return BigInt.asUintN(64, random.pick(ids));
    default:
      return random.below(10);
  }
}

/** A message with any of its fields. */
function shapeOf(table: Table, random: SeededRandom, depth = 0): object {
  const shape: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table.fields)) {
    if ((field.nested && depth > 3) || random.chance(0.4)) continue;
    shape[name] = field.repeated
      ? Array.from({ length: random.below(4) }, () => anyOf(field, random, depth))
      : anyOf(field, random, depth);
  }
  return shape;
}

/** Bytes of one field in every wire form, right or wrong, for a table. */
function stray(table: Table, random: SeededRandom): Buffer {
  const numbers = [...Object.values(table.fields).map((field) => field.number), 0, 15, 16, 536_870_911];
  const tag = (random.pick(numbers) * 8 + random.below(8)) >>> 0;
  const head: number[] = [];
  for (let rest = tag; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      head.push(rest);
      break;
    }
    head.push((rest % 128) | 0x80);
  }
  return Buffer.concat([Buffer.from(head), randomBytes(random, random.below(14))]);
}

/** Decodes, or finds that the bytes are none; anything else is a find. */
function read(table: Table, bytes: Uint8Array): object | null {
  try {
    return table.decode(bytes);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function checkLaws(table: Table, bytes: Uint8Array): boolean {
  const value = read(table, bytes);
  if (value === null) return false;
  const written = table.encode(value);
  const again = table.encode(table.decode(written));
  if (!written.equals(again)) throw new Error(`${written.toString("hex")} is not stable`);
  return true;
}

test("what is written is read as it was", async (t) => {
  await fuzz(200, (random) => {
    for (const [name, table] of tables) {
      const bytes = table.encode(shapeOf(table, random));
      if (!table.encode(table.decode(bytes)).equals(bytes))
        throw new Error(`${name} ${bytes.toString("hex")}`);
    }
  });
  t.ok(tables.length > 100, `${tables.length} tables`);
});

test("damaged messages", async (t) => {
  for (const { name, bytes } of corpus("protobuf")) {
    t.doesNotThrow(() => {
      for (const [, table] of tables) checkLaws(table, bytes);
    }, name);
  }
  let readable = 0;
  let all = 0;
  await fuzz(200, (random) => {
    for (const [name, table] of tables) {
      const bytes = table.encode(shapeOf(table, random));
      const damaged = random.chance(0.2)
        ? Buffer.concat([bytes, stray(table, random)])
        : mutated(random, bytes, table.encode(shapeOf(table, random)));
      all++;
      try {
        if (checkLaws(table, damaged)) readable++;
      } catch (error) {
        throw new Error(`${name} ${damaged.toString("hex")}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
  t.ok(readable > all / 20 && readable < all, `${readable} of ${all} were messages all the same`);
});

test("deep nesting and endless lengths cost nothing", (t) => {
  interface Chain {
    next: Chain | undefined;
  }
  const chain: Codec<Chain> = message({ next: nested<Chain>(1, () => chain) }) as Codec<Chain>;
  let bytes = Buffer.alloc(0);
  for (let depth = 0; depth < 5000; depth++) {
    const length: number[] = [];
    for (let rest = bytes.length; ; rest >>>= 7) {
      if (rest < 128) {
        length.push(rest);
        break;
      }
      length.push((rest & 0x7f) | 0x80);
    }
    bytes = Buffer.concat([Buffer.from([10, ...length]), bytes]);
  }
  t.throws(() => chain.decode(bytes), WireError);
  const list = message({ names: repeated(string(1)) });
  t.throws(() => list.decode(Buffer.from([10, 0xff, 0xff, 0xff, 0xff, 0x0f, 1])), WireError);
  t.throws(
    () => list.decode(Buffer.from([10, 0x83, 0x80, 0x80, 0x80, 0x10, 65, 66, 67])),
    WireError,
    "a length beyond 32 bits",
  );
  t.throws(
    () => list.decode(Buffer.from([0x8a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 1, 65])),
    WireError,
    "a tag beyond 32 bits",
  );
  t.end();
});
