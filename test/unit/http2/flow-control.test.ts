/** Both directions of RFC 9113, 6.9: never more than the peer allowed, and everything in the end. */
import fc from "fast-check";
import { test } from "tap";
import { FrameType } from "../../../src/http2/frame.ts";
import {
  answerBlock,
  data,
  Harness,
  headers,
  options,
  reset,
  settings,
  trailerBlock,
  windowUpdate,
} from "./support.ts";

const both = 5;

type Act =
  | { readonly act: "write"; readonly stream: number; readonly bytes: number }
  | { readonly act: "end"; readonly stream: number }
  | { readonly act: "reset"; readonly stream: number }
  | { readonly act: "grant"; readonly stream: number; readonly bytes: number }
  | { readonly act: "initial"; readonly bytes: number }
  | { readonly act: "take"; readonly ready: boolean };

const stream = fc.nat({ max: 3 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constant("write" as const), stream, bytes: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ act: fc.constant("end" as const), stream }),
  fc.record({ act: fc.constant("reset" as const), stream }),
  fc.record({
    act: fc.constant("grant" as const),
    stream: fc.nat({ max: 4 }),
    bytes: fc.integer({ min: 1, max: 50_000 }),
  }),
  fc.record({ act: fc.constant("initial" as const), bytes: fc.nat({ max: 100_000 }) }),
  fc.record({ act: fc.constant("take" as const), ready: fc.boolean() }),
);

/** The peer's books: what it allowed and what it got. */
class Peer {
  readonly harness = Harness.greeted();
  readonly windows = new Map<number, number>();
  readonly got = new Map<number, Buffer[]>();
  readonly written = new Map<number, Buffer[]>();
  readonly ended = new Set<number>();
  readonly closed = new Set<number>();
  readonly drains = new Map<number, number>();
  connection = 65_535;
  initial = 65_535;
  #fill = 0;

  constructor() {
    this.harness.onDrained = ({ id }) => this.drains.set(id, (this.drains.get(id) ?? 0) - 1);
    for (const id of [1, 3, 5, 7]) {
      this.harness.receive(headers(id, both));
      this.windows.set(id, this.initial);
      this.got.set(id, []);
      this.written.set(id, []);
      this.harness.streams.get(id)!.respond(answerBlock);
    }
  }

  play(given: Act): void {
    const id = "stream" in given ? [1, 3, 5, 7, 0][given.stream]! : 0;
    const own = this.harness.streams.get(id);
    if (given.act === "write") {
      if (own!.ending || own!.closed) return;
      const bytes = Buffer.alloc(given.bytes, this.#fill++);
      this.written.get(id)!.push(bytes);
      if (!own!.write(bytes) && (this.drains.get(id) ?? 0) === 0) this.drains.set(id, 1);
    } else if (given.act === "end") own!.end(trailerBlock);
    else if (given.act === "reset") {
      if (own!.closed) return;
      this.harness.receive(reset(id));
      this.closed.add(id);
    } else if (given.act === "grant") {
      if (id === 0) this.connection += given.bytes;
      else this.windows.set(id, this.windows.get(id)! + given.bytes);
      this.harness.receive(windowUpdate(id, given.bytes));
    } else if (given.act === "initial") {
      this.take(); // what left before was under the old window
      for (const [each, window] of this.windows) this.windows.set(each, window + given.bytes - this.initial);
      this.initial = given.bytes;
      this.harness.receive(settings([4, given.bytes]));
    } else {
      this.take();
      this.harness.connection.pump(given.ready);
    }
  }

  /** Reads everything that was sent; throws if it is more than was allowed. */
  take(): void {
    for (const { type, flags, id, payload } of this.harness.take()) {
      if (type === FrameType.DATA) {
        this.got.get(id)!.push(payload);
        this.connection -= payload.length;
        this.windows.set(id, this.windows.get(id)! - payload.length);
        if (this.connection < 0) throw new Error("more than the connection's window");
        // A window that shrank may be negative; nothing may be sent then.
        if (payload.length > 0 && this.windows.get(id)! < 0 && !this.closed.has(id)) {
          throw new Error("more than the stream's window");
        }
        if (payload.length > 16_384) throw new Error("a frame too long");
        if (this.ended.has(id)) throw new Error("DATA behind the end");
      }
      if (flags & 1 && type === FrameType.HEADERS) this.ended.add(id);
    }
  }
}

test("never more than the windows, and everything once they are open", async (t) => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const peer = new Peer();
      for (const each of acts) peer.play(each);
      for (const own of peer.harness.streams.values()) own.end(trailerBlock);
      peer.take();
      peer.play({ act: "initial", bytes: 2_000_000_000 });
      peer.play({ act: "grant", stream: 4, bytes: 1_000_000_000 });
      for (let turn = 0; turn < 100; turn++) peer.play({ act: "take", ready: true });
      for (const [id, written] of peer.written) {
        if (peer.closed.has(id)) continue;
        if (!Buffer.concat(peer.got.get(id)!).equals(Buffer.concat(written))) return false;
        if (!peer.ended.has(id)) return false;
      }
      return !peer.harness.over;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test("streams take turns", async (t) => {
  const harness = Harness.greeted({ outboxBytesMax: 1e6 }, settings([4, 1_000_000]));
  harness.receive(headers(1, both), headers(3, both));
  harness.connection.pump(false);
  for (const own of harness.streams.values()) own.write(Buffer.alloc(50_000));
  harness.connection.pump(true);
  const order = harness.take().map(({ id, payload }) => `${id} ${payload.length}`);
  t.strictSame(order, ["1 16384", "3 16384", "1 16384", "3 16383"]);
  harness.receive(windowUpdate(0, 100_000));
  t.strictSame(
    harness.take().map(({ id }) => id),
    [1, 3, 1, 3],
  );
});

test("a full outbox says wait, an empty one says go on", async (t) => {
  const harness = Harness.greeted();
  harness.receive(headers(1, both));
  const own = harness.streams.get(1)!;
  t.ok(own.write(Buffer.alloc(65_535)), "fits into the windows");
  t.ok(own.write(Buffer.alloc(options.outboxBytesMax - 1)), "fits into the outbox");
  t.notOk(own.write(Buffer.alloc(1)));
  harness.take();
  harness.receive(windowUpdate(0, 1_000_000), windowUpdate(1, options.outboxBytesMax - 1));
  t.notOk(harness.events.includes("drained 1"), "one byte is still there");
  harness.onDrained = () => own.end(trailerBlock);
  harness.receive(windowUpdate(1, 1));
  t.equal(harness.events.at(-1), "drained 1");
  t.equal(harness.take().at(-1)!.type, FrameType.HEADERS);
});

test("a turn's output is bounded, whatever the windows", async (t) => {
  const harness = Harness.greeted({ outboxBytesMax: 1e8, outboxTotalBytesMax: 1e8 }, settings([4, 1e9]));
  harness.receive(windowUpdate(0, 1e9), headers(1, both));
  harness.streams.get(1)!.write(Buffer.alloc(10_000_000));
  let turns = 0;
  let bytes = 0;
  while (harness.connection.hasOutput) {
    const turn = harness.take().reduce((sum, { payload }) => sum + payload.length, 0);
    t.ok(turn < 300_000);
    bytes += turn;
    turns++;
    harness.connection.pump(true);
  }
  t.equal(bytes, 10_000_000);
  t.ok(turns > 30);
});

test("too much in the outboxes: no new streams", async (t) => {
  const harness = Harness.greeted({ outboxTotalBytesMax: 100_000 }, settings([4, 0]));
  harness.receive(headers(1, both));
  harness.streams.get(1)!.write(Buffer.alloc(100_000));
  harness.receive(headers(3, both));
  t.equal(harness.said().at(-1), "RST_STREAM 3 code=7");
  harness.receive(reset(1), headers(5, both));
  t.equal(harness.events.at(-1), "opened 5 /s.S/M end");
});

test("what the client sent is granted again in portions; of a paused stream, after it is read", async (t) => {
  const harness = Harness.greeted();
  harness.receive(headers(1), headers(3));
  harness.streams.get(3)!.pause();
  const half = Array.from({ length: 5 }, () => Buffer.alloc(10_000));
  harness.receive(...half.map((bytes) => data(1, bytes)));
  t.strictSame(harness.said(), ["WINDOW_UPDATE 1 +50000"]);
  harness.receive(...half.map((bytes) => data(3, bytes)));
  t.strictSame(harness.said(), ["WINDOW_UPDATE 0 +100000"], "the connection goes on");
  harness.streams.get(3)!.resume();
  t.strictSame(harness.said(), ["WINDOW_UPDATE 3 +50000"]);
});
