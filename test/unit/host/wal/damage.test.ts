/** Every kind of damage: what was acknowledged is never silently lost; a torn last write is cut. */
import fs from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { WalError } from "../../../../src/host/wal/errors.ts";
import {
  batch,
  contents,
  entry,
  openWal,
  reopen,
  segmentPaths,
  snapshot,
  story,
  usedBytes,
} from "./support.ts";

/** A log with one entry for each write; returns where each write ended in the last segment. */
async function make(directory: string, count: number, data?: string): Promise<number[]> {
  const { wal } = await openWal(directory);
  const ends: number[] = [];
  for (let index = 1; index <= count; index++) {
    await wal.append(batch(entry(index, 1, data)));
    ends.push((usedBytes(segmentPaths(directory).at(-1)!) + 7) & ~7);
  }
  await wal.close();
  return ends;
}

function patch(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = fs.readFileSync(path);
  fs.writeFileSync(path, change(bytes) ?? bytes);
}

for (const how of ["truncated", "zeroed"] as const) {
  test(`the last write torn at each byte, ${how}`, async (t) => {
    const root = t.testdir();
    const directory = join(root, "wal");
    const ends = await make(directory, 3);
    const path = segmentPaths(directory)[0]!;
    const whole = fs.readFileSync(path);
    for (let cut = ends[1]!; cut < ends[2]!; cut++) {
      fs.writeFileSync(path, how === "truncated" ? whole.subarray(0, cut) : Buffer.from(whole).fill(0, cut));
      const { wal, recovered } = await openWal(directory);
      // The last bytes are padding: zeros either way, so only a missing file end shows.
      const complete = how === "zeroed" && cut >= usedBytesOf(whole);
      t.equal(story(recovered.entries), complete ? "1@1 2@1 3@1" : "1@1 2@1", `cut at ${cut}`);
      await wal.append(batch(entry(complete ? 4 : 3, 2)));
      await wal.close();
      const again = await reopen(directory);
      if (again.repaired !== null || again.entries.at(-1)?.term !== 2) t.fail(`after the repair at ${cut}`);
      // A file cut short has no room left, so the append above may have begun another segment.
      for (const file of fs.readdirSync(directory)) fs.rmSync(join(directory, file));
    }
  });
}

function usedBytesOf(bytes: Buffer): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

test("the repair keeps a copy and says what it cut", async (t) => {
  const directory = join(t.testdir(), "wal");
  const ends = await make(directory, 2);
  const path = segmentPaths(directory)[0]!;
  patch(path, (bytes) => bytes.fill(0, ends[1]! - 20));
  const damaged = fs.readFileSync(path);
  const { repaired } = await reopen(directory);
  t.match(repaired, { path, offset: ends[0], copy: `${path}.broken` });
  t.strictSame(fs.readFileSync(`${path}.broken`), damaged);
});

test("a flipped byte anywhere before the last write refuses and changes nothing", async (t) => {
  const directory = join(t.testdir(), "wal");
  const ends = await make(directory, 4);
  const path = segmentPaths(directory)[0]!;
  const whole = fs.readFileSync(path);
  for (let at = 0; at < ends[2]!; at++) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1 << (at % 8);
    fs.writeFileSync(path, bytes);
    const error = await openWal(directory).catch((caught) => caught);
    if (!(error instanceof WalError)) {
      if (error.wal) await error.wal.close();
      t.fail(`byte ${at} was accepted`);
      continue;
    }
    if (!["wal.corrupt", "wal.version"].includes(error.code)) t.fail(`byte ${at}: ${error.code}`);
    if (!fs.readFileSync(path).equals(bytes)) t.fail(`byte ${at}: the file was changed`);
  }
  t.strictSame(fs.readdirSync(directory).length, 1);
});

test("a flipped byte in the last write cuts it and nothing else", async (t) => {
  const directory = join(t.testdir(), "wal");
  const ends = await make(directory, 3);
  const path = segmentPaths(directory)[0]!;
  const whole = fs.readFileSync(path);
  for (let at = ends[1]!; at < ends[2]!; at++) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 0x80;
    fs.writeFileSync(path, bytes);
    const recovered = await reopen(directory);
    if (story(recovered.entries) !== "1@1 2@1" || recovered.repaired === null) t.fail(`byte ${at}`);
  }
});

test("a zeroed sector in front of acknowledged writes refuses", async (t) => {
  const directory = join(t.testdir(), "wal");
  const ends = await make(directory, 6, "z".repeat(700));
  const path = segmentPaths(directory)[0]!;
  const whole = fs.readFileSync(path);
  // Up to the last sector that touches the fifth write of six, which leaves the sixth as the witness.
  for (let sector = 0; sector + 512 <= ends[4]!; sector += 512) {
    fs.writeFileSync(path, Buffer.from(whole).fill(0, sector, sector + 512));
    await t.rejects(openWal(directory), { code: "wal.corrupt", detail: { path } }, `sector at ${sector}`);
  }
});

test("zeroed sectors inside one large last write cut it", async (t) => {
  const directory = join(t.testdir(), "wal");
  const [end] = await make(directory, 1);
  const { wal } = await openWal(directory);
  await wal.append(batch(...Array.from({ length: 20 }, (_, i) => entry(i + 2, 1, "w".repeat(200)))));
  await wal.close();
  const path = segmentPaths(directory)[0]!;
  const whole = fs.readFileSync(path);
  for (let at = end!; at < usedBytesOf(whole) - 512; at += 512) {
    fs.writeFileSync(path, Buffer.from(whole).fill(0, at, at + 512));
    const recovered = await reopen(directory);
    if (recovered.repaired === null || recovered.entries.length < 1) t.fail(`sector at ${at}`);
  }
});

test("a stored value that holds copies of records does not stand for a later write", async (t) => {
  const directory = join(t.testdir(), "wal");
  const [end] = await make(directory, 2);
  const path = segmentPaths(directory)[0]!;
  // All of the log so far, each of its records a whole write; at each shift, so that some copy is aligned as records are.
  const copy = fs.readFileSync(path).subarray(0, usedBytes(path) + 8);
  const { wal } = await openWal(directory);
  const copies = Array.from({ length: 8 }, (_, shift) => entry(3 + shift, 1, "-".repeat(shift)));
  const data = (one: { data: Uint8Array }): Buffer => Buffer.concat([one.data, copy]);
  await wal.append(batch(...copies.map((one) => ({ ...one, data: data(one) }))));
  await wal.close();
  const whole = fs.readFileSync(path);
  const begin = (end! + (16 + whole.readUInt32LE(end!)) + 7) & ~7;
  // The write is torn: its first sector did not arrive.
  fs.writeFileSync(path, Buffer.from(whole).fill(0, begin, begin + 64));
  const recovered = await reopen(directory);
  t.equal(story(recovered.entries), "1@1 2@1");
  t.equal(recovered.repaired?.offset, begin);
});

for (const [name, lose] of [
  ["the directory", (directory: string) => fs.rmSync(directory, { recursive: true })],
  ["every segment", (directory: string) => segmentPaths(directory).map((path) => fs.rmSync(path))],
] as const) {
  test(`${name} lost: refused where there was a log, begun anew where there was none`, async (t) => {
    const root = t.testdir();
    const directory = join(root, "wal");
    await make(directory, 2);
    fs.writeFileSync(join(directory, "next.tmp"), "half");
    t.equal((await reopen(directory, { existing: true })).entries.length, 2);
    fs.writeFileSync(join(directory, "next.tmp"), "half");
    lose(directory);
    const before = fs.readdirSync(root, { recursive: true });
    const error = await openWal(directory, { existing: true }).catch((caught) => caught);
    t.type(error, WalError);
    t.match(error, { code: "wal.missing", detail: { path: directory } });
    t.match(
      error.message,
      /holds no log, .*: restore it, or remove the member from the cluster, empty its data/,
    );
    t.notMatch(error.message, "\n");
    t.strictSame(fs.readdirSync(root, { recursive: true }), before, "nothing written");
    t.equal((await reopen(directory)).entries.length, 0);
  });
}

/** A log of several segments. */
async function makeLong(directory: string): Promise<string[]> {
  await make(directory, 40, "l".repeat(900));
  return segmentPaths(directory);
}

for (const [name, damage] of [
  ["the first segment missing", (paths: string[]) => fs.rmSync(paths[0]!)],
  ["a segment in the middle missing", (paths: string[]) => fs.rmSync(paths[2]!)],
  ["the last segment missing", (paths: string[]) => fs.rmSync(paths.at(-1)!)],
  ["two segments swapped", (paths: string[]) => swap(paths[1]!, paths[2]!)],
  ["the last two swapped", (paths: string[]) => swap(paths.at(-1)!, paths.at(-2)!)],
  ["an early segment cut short", (paths: string[]) => fs.truncateSync(paths[1]!, 3000)],
  [
    "an early segment without its seal",
    (paths: string[]) => fs.truncateSync(paths[1]!, usedBytes(paths[1]!) - 24),
  ],
  ["an early segment emptied", (paths: string[]) => fs.truncateSync(paths[1]!, 0)],
  [
    "bytes behind a seal",
    (paths: string[]) => patch(paths[1]!, (bytes) => Buffer.concat([bytes, Buffer.from("x")])),
  ],
  ["the last segment emptied", (paths: string[]) => fs.truncateSync(paths.at(-1)!, 0)],
  [
    "the head of the last segment torn",
    (paths: string[]) => patch(paths.at(-1)!, (bytes) => bytes.fill(0, 60)),
  ],
] as const) {
  test(`${name}: refused, with path and advice`, async (t) => {
    const directory = join(t.testdir(), "wal");
    damage(await makeLong(directory));
    const before = contents(directory);
    const error = await openWal(directory).catch((caught) => caught);
    t.type(error, WalError);
    t.equal(error.code, "wal.corrupt");
    t.match(error.message, /is damaged at byte \d+: .*Restore this file/);
    t.strictSame(contents(directory), before);
  });
}

function swap(one: string, other: string): void {
  fs.renameSync(one, `${one}.x`);
  fs.renameSync(other, one);
  fs.renameSync(`${one}.x`, other);
}

test("a rotation interrupted before the seal is taken back", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  let index = 0;
  while (segmentPaths(directory).length < 2) await wal.append(batch(entry(++index, 1, "r".repeat(900))));
  await wal.close();
  const [old, next] = segmentPaths(directory) as [string, string];
  // As it was after the rename: the old one without its seal (24 bytes, its last byte is zero), the new one only a head.
  patch(old, (bytes) => bytes.fill(0, seal(bytes)));
  const head = fs.readFileSync(next);
  patch(next, (bytes) => bytes.fill(0, headEnd(head)));
  fs.writeFileSync(join(directory, "next.tmp"), "half");
  const recovered = await reopen(directory);
  t.equal(recovered.entries.length, index - 1);
  t.equal(recovered.repaired, null);
  t.strictSame(segmentPaths(directory), [old]);
  t.notOk(fs.existsSync(join(directory, "next.tmp")));
});

function seal(bytes: Buffer): number {
  return ((usedBytesOf(bytes) + 7) & ~7) - 24;
}

/** Behind the third record. */
function headEnd(bytes: Buffer): number {
  let at = 0;
  for (let i = 0; i < 3; i++) at += (16 + bytes.readUInt32LE(at) + 7) & ~7;
  return at;
}

test("a gap after released segments is seen", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  for (let index = 1; index <= 40; index++) await wal.append(batch(entry(index, 1, "g".repeat(900))));
  await wal.recordSnapshot(snapshot(10));
  await wal.close();
  fs.rmSync(segmentPaths(directory)[0]!);
  const error = await openWal(directory).catch((caught) => caught);
  t.match(error.message, /entries 11 to \d+ are missing/);
});
