/**
 * The HTTP/2 connection as a state machine under sessions of any shape: it never throws, says nothing after its end, tells a
 * stream nothing after its end, sends only whole frames within the peer's windows, and still answers a ping while it lives.
 */
import { test } from "tap";
import { preface } from "../../src/http2/frame.ts";
import type { SeededRandom } from "../support/random.ts";
import { answerBlock, Harness, ping, settings, trailerBlock } from "../unit/http2/support.ts";
import { session } from "./http2-session.ts";
import { corpus, fuzz, mutated } from "./support.ts";

const greeting = Buffer.concat([Buffer.from(preface, "latin1"), settings()]);
const calls = { path: "/s.S/M", message: Buffer.from("message") };

/** A harness whose streams answer in one of the ways handlers do. */
function answering(random: SeededRandom): Harness {
  const harness = new Harness({ headerListBytesMax: 4096 });
  harness.onData = (stream, bytes, ended) => {
    if (random.chance(0.1)) stream.reset(2);
    if (random.chance(0.1)) stream.pause();
    if (random.chance(0.2)) stream.respond(answerBlock);
    if (random.chance(0.2)) stream.write(Buffer.alloc(random.pick([1, 20_000, 120_000])));
    if (random.chance(0.1)) stream.resume();
    if (ended)
      random.chance(0.5) ? stream.answer(answerBlock, bytes, trailerBlock) : stream.end(trailerBlock);
  };
  return harness;
}

/** What must hold between two chunks. */
function check(harness: Harness): void {
  const aborted = new Set<string>();
  let over = false;
  for (const event of harness.events) {
    const [kind, id] = event.split(" ");
    if (over) throw new Error(`"${event}" after the end`);
    if (kind === "over" || kind === "failed") over = true;
    if (kind === "aborted") aborted.add(id!);
    else if (id !== undefined && kind !== "failed" && aborted.has(id))
      throw new Error(`"${event}" after abort`);
  }
  for (const { type, id, payload } of harness.take()) {
    if (payload.length > 16_384) throw new Error(`a frame of ${payload.length}`);
    if (type > 9 || type === 5) throw new Error(`a frame of type ${type}`);
    if ([0, 1, 3, 9].includes(type) !== (id !== 0) && type !== 8)
      throw new Error(`type ${type} on stream ${id}`);
  }
}

/** Gives the bytes as the network might cut them. */
function play(random: SeededRandom, harness: Harness, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    const end = random.chance(0.5) ? bytes.length : at + 1 + random.below(200);
    harness.receive(bytes.subarray(at, end));
    harness.connection.pump(random.chance(0.8));
    check(harness);
    at = end;
  }
}

function answersPing(harness: Harness): boolean {
  const before = harness.sent.length;
  harness.connection.pump(true);
  harness.receive(ping());
  harness.take();
  return harness.sent.slice(before).some(({ type, flags }) => type === 6 && flags === 1);
}

test("sessions of any shape", async (t) => {
  for (const { name, bytes } of corpus("http2")) {
    const harness = new Harness();
    t.doesNotThrow(() => {
      harness.receive(greeting, bytes);
      check(harness);
    }, name);
  }
  let alive = 0;
  let calm = 0;
  const cases = await fuzz(3000, (random) => {
    const harness = answering(random);
    const deeds = session(random, calls);
    const whole = Buffer.concat([greeting, ...deeds]);
    play(random, harness, random.chance(0.8) ? whole : mutated(random, whole));
    if (harness.over) return;
    alive++;
    // Inside a frame or a header block there is nothing to answer yet.
    if (answersPing(harness)) calm++;
    harness.connection.lost();
    check(harness);
  });
  t.ok(alive > cases / 50 && alive < cases, `${alive} of ${cases} connections lived`);
  t.ok(calm > 0, `${calm} of them answered`);
});

test("a session without damage always answers", async (t) => {
  await fuzz(500, (random) => {
    const harness = answering(random);
    harness.receive(greeting, settings([4, 2 ** 20]));
    if (!answersPing(harness)) throw new Error("no answer to a ping");
    harness.connection.shutdown();
    if (!harness.over) throw new Error("not over");
  });
  t.pass();
});
