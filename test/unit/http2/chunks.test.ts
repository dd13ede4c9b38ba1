/** The same bytes mean the same however the network cuts them; and damaged ones are answered, never thrown. */
import fc from "fast-check";
import { test } from "tap";
import { preface } from "../../../src/http2/frame.ts";
import { encodeHeaders } from "../../../src/http2/hpack/encode.ts";
import {
  answerBlock,
  data,
  describe,
  frame,
  Harness,
  headers,
  ping,
  requestBlock,
  reset,
  settings,
  trailerBlock,
  windowUpdate,
} from "./support.ts";

/** Fields that enter the table: path, and one that repeats. */
const indexing = Buffer.from([0x83, 0x86, 0x44, 2, 0x2f, 0x78, 0x40, 1, 0x61, 1, 0x62]);
const indexed = Buffer.from([0x83, 0x86, 0xbf, 0xbe]);

/** Bytes of one piece, given the highest id so far. */
type Piece = { readonly opens: boolean; readonly bytes: (last: number) => Buffer };
const opens = (bytes: (id: number) => Buffer): Piece => ({ opens: true, bytes: (last) => bytes(last + 2) });
const goesOn = (bytes: (id: number) => Buffer): Piece => ({ opens: false, bytes });
const flags = fc.constantFrom(4, 5);
const block = fc.constantFrom(requestBlock, indexing, indexed, indexed);
const back = fc.constantFrom(0, 0, 0, 2, 4);

const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(flags, block).map(([f, b]) => opens((id) => headers(id, f, b))) },
  flags.map((f) =>
    opens((id) =>
      Buffer.concat([headers(id, f - 4, indexing.subarray(0, 6)), frame(9, 4, id, indexing.subarray(6))]),
    ),
  ),
  {
    weight: 7,
    arbitrary: fc
      .tuple(back, fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 1))
      .map(([b, bytes, f]) => goesOn((id) => data(Math.max(1, id - b), bytes, f))),
  },
  fc.constant(goesOn((id) => headers(Math.max(1, id), 5, encodeHeaders([["a", "b"]])))),
  back.map((b) => goesOn((id) => reset(Math.max(1, id - b)))),
  fc
    .tuple(back, fc.integer({ min: 1, max: 1000 }))
    .map(([b, bytes]) => goesOn((id) => windowUpdate(Math.max(0, id - b), bytes))),
  fc
    .constantFrom(ping(), settings(), settings([4, 5], [1, 0]), frame(50, 3, 9, [1]))
    .map((b) => goesOn(() => b)),
);
const stream = fc.array(piece, { minLength: 5, maxLength: 40 }).map((pieces) => {
  // The first request teaches the table what the later ones refer to.
  const parts = [Buffer.from(preface, "latin1"), settings(), headers(1, 5, indexing)];
  let last = 1;
  for (const each of pieces) {
    parts.push(each.bytes(last));
    if (each.opens) last += 2;
  }
  return Buffer.concat(parts);
});

/** Answers every request as soon as it is whole, so that the sending side takes part. */
function play(chunks: readonly Uint8Array[]): { events: string[]; said: string[] } {
  const harness = new Harness({ streamsMax: 3 });
  const answer = (
    own: { answer: (...blocks: [Uint8Array, Uint8Array, Uint8Array]) => void },
    ended: boolean,
  ) => {
    if (ended) own.answer(answerBlock, Buffer.from("answer"), trailerBlock);
  };
  harness.onOpened = answer;
  harness.onData = (own, _bytes, ended) => answer(own, ended);
  for (const chunk of chunks) harness.connection.receive(chunk, 0);
  return { events: harness.events, said: harness.take().map(describe) };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((each) => each % bytes.length))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

test("any chunking gives the same events and the same answers", async (t) => {
  let calls = 0;
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 40 }), (bytes, places) => {
      const whole = play([bytes]);
      calls += whole.events.filter((event) => event.startsWith("opened")).length;
      t.strictSame(play(cut(bytes, places)), whole);
      return true;
    }),
    { numRuns: 300 },
  );
  t.ok(calls > 900, `the streams hold calls: ${calls}`);
  const bytes = fc.sample(stream, { numRuns: 20, seed: 1 });
  for (const each of bytes) t.strictSame(play([...each].map((byte) => Uint8Array.of(byte))), play([each]));
});

test("damage is a stream error or a connection error, and frames that were sent stay whole", async (t) => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 });
  const codes = new Set<string>();
  fc.assert(
    fc.property(stream, damage, (bytes, hits) => {
      for (const [at, value] of hits) bytes[preface.length + (at % (bytes.length - preface.length))] = value;
      const { events, said } = play([bytes]);
      const failures = events.filter((event) => event.startsWith("failed"));
      for (const failure of failures) codes.add(failure);
      const goaways = said.filter((line) => line.startsWith("GOAWAY"));
      return failures.length <= 1 && goaways.length === failures.length;
    }),
    { numRuns: 3000 },
  );
  for (const code of codes) t.match(code, /^failed (1|3|5|6|9|11)$/);
  t.ok(codes.size >= 3, [...codes].join());
});

test("noise behind the greeting", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (noise) => {
      const greeting = Buffer.concat([Buffer.from(preface, "latin1"), settings()]);
      play([greeting, noise]);
      play([noise]);
      return true;
    }),
    { numRuns: 1000 },
  );
});
