/** A peer that costs more than it may: pings, provoked resets, announced lengths, and frames that are nobody's (RFC 9113, 10.5). */
import { test } from "tap";
import { Flag, FrameType } from "../../../src/http2/frame.ts";
import { encodeHeaders } from "../../../src/http2/hpack/encode.ts";
import {
  answerBlock,
  data,
  frame,
  Harness,
  headers,
  ping,
  settings,
  trailerBlock,
  windowUpdate,
} from "./support.ts";

const second = 1000;
const policy = { pingIntervalMsMin: 5 * second };

const withLength = (length: string): Uint8Array =>
  encodeHeaders([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/s.S/M"],
    ["content-length", length],
  ]);

test("pings: every ten seconds for ever, three in a row too close not", async (t) => {
  const patient = Harness.greeted(policy);
  for (let i = 1; i <= 10_000; i++) patient.receiveAt(i * 10 * second, ping());
  t.notOk(patient.over);
  const hasty = Harness.greeted(policy);
  for (let i = 0; i < 3; i++) hasty.receiveAt(i * second, ping());
  t.notOk(hasty.over, "the first, and two that are forgiven");
  hasty.receiveAt(3 * second, ping());
  t.ok(hasty.over);
  const goaway = hasty.take().at(-1)!;
  t.equal(goaway.type, FrameType.GOAWAY);
  t.equal(goaway.payload.readUInt32BE(4), 11);
  t.equal(goaway.payload.subarray(8).toString(), "too_many_pings", "the text that clients look for");
});

test("pings between answers are a client measuring its path", async (t) => {
  const harness = Harness.greeted(policy);
  for (let id = 1; id < 400; id += 2) {
    harness.receiveAt(id, headers(id, 5), ping());
    harness.streams.get(id)!.answer(answerBlock, Buffer.from("x"), trailerBlock);
    harness.take();
  }
  t.notOk(harness.over);
});

test("our own ping, and its answer", async (t) => {
  const harness = Harness.greeted(policy);
  harness.connection.ping();
  t.strictSame(harness.said(), ["PING 0"]);
  harness.receive(ping(Flag.ACK));
  t.strictSame(harness.said(), []);
});

test("resets that the peer provokes count like its own", async (t) => {
  const harness = Harness.greeted({ streamsMax: 10 });
  let id = 1;
  for (; !harness.over && id < 100_000; id += 2) harness.receive(headers(id), windowUpdate(id, 0));
  t.ok(harness.over);
  t.ok(id < 50_000, `after ${id >> 1} streams`);
});

test("changes of the windows of many streams cost many frames", async (t) => {
  const harness = Harness.greeted({ streamsMax: 20_000 });
  for (let id = 1; id < 40_000; id += 2) harness.receive(headers(id));
  let changes = 0;
  for (; !harness.over && changes < 10_000; changes++) harness.receive(settings([4, changes & 1]));
  t.ok(changes < 1000, `${changes} were done`);
});

test("changes of the windows are not forgiven for calls in between", async (t) => {
  const harness = Harness.greeted({ streamsMax: 20_000 });
  for (let id = 1; id < 40_000; id += 2) harness.receive(headers(id));
  let changes = 0;
  for (; !harness.over && changes < 10_000; changes++) {
    const id = 40_001 + 2 * changes;
    harness.streams.get(1 + 2 * changes)!.end(trailerBlock);
    harness.receive(headers(id), settings([4, changes & 1]));
  }
  t.ok(changes < 1000, `${changes} were done`);
});

test("a client changes the windows of its few streams as often as it likes", async (t) => {
  const harness = Harness.greeted();
  harness.receive(headers(1), headers(3));
  for (let i = 0; i < 5000; i++) harness.receiveAt(i * 10, settings([4, 65_535 + i]));
  t.notOk(harness.over);
});

test("a full connection lets each stream hold one more message, not a whole outbox", async (t) => {
  const harness = Harness.greeted({ streamsMax: 100, outboxBytesMax: 50_000, outboxTotalBytesMax: 100_000 });
  const drained: number[] = [];
  harness.onDrained = (stream) => drained.push(stream.id);
  for (let id = 1; id < 200; id += 2) harness.receive(headers(id));
  harness.receive(settings([4, 0]));
  let held = 0;
  for (let id = 1; id < 200; id += 2) {
    const stream = harness.streams.get(id)!;
    for (let more = true; more; held += 1000) more = stream.write(Buffer.alloc(1000));
  }
  t.ok(held <= 100_000 + 100 * 1000, `${held} bytes`);
  harness.receive(settings([4, 1_000_000]), windowUpdate(0, 1_000_000));
  harness.take();
  harness.connection.pump(true);
  t.equal(drained.length, 100, "all are told to go on");
});

const lengths: [about: string, frames: Buffer[], says: string[]][] = [
  ["as announced", [headers(1, 4, withLength("3")), data(1, [1, 2, 3], 1)], []],
  ["in pieces", [headers(1, 4, withLength("3")), data(1, [1]), data(1, [2, 3]), data(1, [], 1)], []],
  ["padding does not count", [headers(1, 4, withLength("1")), frame(0, 9, 1, [2, 7, 0, 0])], []],
  ["none", [headers(1, 5, withLength("0"))], []],
  ["too little", [headers(1, 4, withLength("3")), data(1, [1], 1)], ["RST_STREAM 1 code=1"]],
  ["too much", [headers(1, 4, withLength("3")), data(1, [1, 2, 3, 4])], ["RST_STREAM 1 code=1"]],
  ["no body at all", [headers(1, 5, withLength("3"))], ["RST_STREAM 1 code=1"]],
  [
    "ends with trailers",
    [headers(1, 4, withLength("3")), headers(1, 5, trailerBlock)],
    ["RST_STREAM 1 code=1"],
  ],
  ["no number", [headers(1, 4, withLength("3x"))], ["RST_STREAM 1 code=1"]],
  ["beyond all numbers", [headers(1, 4, withLength("9".repeat(30)))], ["RST_STREAM 1 code=1"]],
];

test("content-length is compared", async (t) => {
  for (const [about, frames, says] of lengths) {
    const harness = Harness.greeted();
    t.strictSame(harness.receive(...frames).said(), says, about);
    t.notOk(harness.over, "the connection lives");
  }
});

test("streams of an even number are nobody's", async (t) => {
  for (const bytes of [data(2, [1]), windowUpdate(2, 1), frame(FrameType.RST_STREAM, 0, 2, [0, 0, 0, 8])]) {
    const harness = Harness.greeted();
    harness.receive(headers(1), headers(3), bytes);
    t.ok(harness.events.includes("failed 1"), "PROTOCOL_ERROR");
  }
});

test("slow readers together: who holds much gets no new streams, the others do, and all is given back", async (t) => {
  const shared = { bytes: 0, bytesMax: 300_000, fairBytes: 100_000 };
  const [greedy, modest] = [Harness.greeted({ shared }), Harness.greeted({ shared })];
  for (const harness of [greedy, modest]) harness.receive(headers(1));
  greedy.streams.get(1)!.write(Buffer.alloc(400_000));
  t.strictSame(greedy.receive(headers(3)).said().at(-1), "RST_STREAM 3 code=7");
  modest.receive(headers(3));
  t.ok(modest.streams.has(3));
  greedy.connection.lost();
  t.equal(shared.bytes, 0);
});
