/** The rules of RFC 9113, frame by frame: what is given, what the application hears, what goes out. */
import { test } from "tap";
import { preface } from "../../../src/http2/frame.ts";
import { encodeHeaders } from "../../../src/http2/hpack/encode.ts";
import {
  answerBlock,
  data,
  frame,
  Harness,
  headers,
  options,
  ping,
  requestBlock,
  reset,
  settings,
  trailerBlock,
  uint32,
  windowUpdate,
} from "./support.ts";

const endStream = 1;
const endHeaders = 4;
const both = endStream | endHeaders;
const opened = "opened 1 /s.S/M";
const start = Buffer.from(preface, "latin1");

test("the greeting: settings and window first, whatever the client does", async (t) => {
  const harness = new Harness();
  t.strictSame(harness.said(), ["SETTINGS 0", `WINDOW_UPDATE 0 +${options.connectionWindowBytes - 65_535}`]);
  harness.receive(start, settings([4, 100], [99, 5]));
  t.strictSame(harness.said(), ["SETTINGS 0 ack"]);
});

test("a call: request, trailers, answer", async (t) => {
  const harness = Harness.greeted();
  harness.receive(headers(1), data(1, [1, 2]), headers(1, both, encodeHeaders([["a", "b"]])));
  t.strictSame(harness.events, [opened, "data 1 0102", "data 1  end"]);
  const stream = harness.streams.get(1)!;
  stream.respond(answerBlock);
  t.ok(stream.write(Buffer.from("hello")));
  stream.end(trailerBlock);
  t.ok(stream.closed);
  const sent = harness.take();
  t.strictSame(harness.fieldsOf(sent[0]!), [":status: 200"]);
  t.equal(sent[1]!.payload.toString(), "hello");
  t.strictSame(harness.fieldsOf(sent[2]!), ["grpc-status: 0"]);
  t.strictSame(
    sent.map((each) => each.flags),
    [endHeaders, 0, both],
  );
});

test("an answer in one go equals one in three steps", async (t) => {
  const harness = Harness.greeted();
  harness.receive(headers(1, both), headers(3, both));
  harness.streams.get(1)!.answer(answerBlock, Buffer.from("hello"), trailerBlock);
  const one = harness.said();
  const other = harness.streams.get(3)!;
  other.respond(answerBlock);
  other.write(Buffer.from("hello"));
  other.end(trailerBlock);
  t.strictSame(
    harness.said().map((line) => line.replace(" 3", " 1")),
    one,
  );
});

test("a peer that shrinks its compression table hears that ours is empty", async (t) => {
  const harness = Harness.greeted({}, settings([1, 0]));
  harness.receive(headers(1, both), headers(3, both));
  for (const id of [1, 3]) harness.streams.get(id)!.answer(answerBlock, Buffer.from("x"), trailerBlock);
  t.strictSame(
    harness.take().map((sent) => sent.payload[0] === 0x20),
    [true, false, false, false, false, false],
  );
});

test("what a client may do", async (t) => {
  const cases: Record<string, { given: Buffer[]; events?: string[]; said?: string[] }> = {
    "a block over three frames": {
      given: [
        headers(1, 0, requestBlock.subarray(0, 2)),
        frame(9, 0, 1, requestBlock.subarray(2, 5)),
        frame(9, 4, 1, requestBlock.subarray(5)),
      ],
      events: [opened],
    },
    "padding and priority": {
      given: [
        frame(1, endHeaders | 8 | 32, 1, [3, 0, 0, 0, 0, 9, ...requestBlock, 0, 0, 0]),
        frame(0, 8, 1, [2, 7, 0, 0]),
      ],
      events: [opened, "data 1 07"],
    },
    "priority of anything": { given: [frame(2, 0, 9, [0, 0, 0, 0, 1])] },
    ping: { given: [ping(), ping(1)], said: ["PING 0 ack"] },
    "unknown frames": { given: [frame(77, 255, 5, [1, 2, 3])] },
    goaway: { given: [frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])] },
    "empty data": { given: [headers(1), data(1, [])], events: [opened, "data 1 "] },
    "skipped ids": { given: [headers(5)], events: ["opened 5 /s.S/M"] },
    reset: { given: [headers(1), reset(1)], events: [opened, "aborted 1"] },
    "frames that crossed with a reset": {
      given: [headers(1), reset(1), reset(1), windowUpdate(1, 5)],
      events: [opened, "aborted 1"],
    },
    "more streams than allowed": {
      given: [headers(1), headers(3), headers(5), headers(7), headers(9)],
      events: [1, 3, 5, 7].map((id) => `opened ${id} /s.S/M`),
      said: ["RST_STREAM 9 code=7"],
    },
  };
  for (const [what, { given, events = [], said = [] }] of Object.entries(cases)) {
    const harness = Harness.greeted().receive(...given);
    t.strictSame(harness.events, events, what);
    t.strictSame(harness.said(), said, what);
  }
});

test("an authority as grpc-go writes it, or none", async (t) => {
  const fields = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/s.S/M"],
  ] as const;
  for (const authority of [
    [],
    [[":authority", "http://127.0.0.1:2379"]],
    [[":authority", "a b@[x"]],
  ] as const) {
    const harness = Harness.greeted().receive(headers(1, both, encodeHeaders([...fields, ...authority])));
    t.strictSame(harness.events, [`${opened} end`]);
  }
});

test("malformed requests end their stream only", async (t) => {
  const fields: Record<string, string> = { ":method": "POST", ":scheme": "http", ":path": "/s.S/M" };
  const without = (name: string) => Object.entries(fields).filter(([each]) => each !== name);
  const all = Object.entries(fields);
  const given: Record<string, [string, string][]> = {
    "no method": without(":method"),
    "no scheme": without(":scheme"),
    "no path": without(":path"),
    "an empty path": [...without(":path"), [":path", ""]],
    "a path twice": [...all, [":path", "/x"]],
    "a pseudo-field of an answer": [...all, [":status", "200"]],
    "a pseudo-field behind others": [...without(":path"), ["a", "b"], [":path", "/"]],
    "an upper-case name": [...all, ["Ab", "c"]],
    "an empty name": [...all, ["", "c"]],
    "a line feed": [...all, ["a", "b\nc"]],
    "a control character": [...all, ["a", "b\x01c"]],
    "a delete character": [...all, ["a", "b\x7f"]],
    connection: [...all, ["connection", "close"]],
    te: [...all, ["te", "gzip"]],
  };
  for (const [what, list] of Object.entries(given)) {
    const harness = Harness.greeted().receive(headers(1, both, encodeHeaders(list)), headers(3, both));
    t.strictSame(harness.said(), ["RST_STREAM 1 code=1"], what);
    t.strictSame(harness.events, ["opened 3 /s.S/M end"], what);
  }
  const large = encodeHeaders([...all, ["a", "x".repeat(16_000)]]);
  const harness = Harness.greeted();
  harness.receive(headers(1, both, large));
  t.strictSame(harness.events, [`${opened} end`], "a large field is none");
});

test("errors of one stream", async (t) => {
  const cases: Record<string, { given: Buffer[]; code: number }> = {
    "data behind the end": { given: [headers(1, both), data(1, [1])], code: 5 },
    "headers behind the end": { given: [headers(1, both), headers(1, both)], code: 5 },
    "trailers without an end": { given: [headers(1), headers(1)], code: 1 },
    "pseudo-fields in trailers": { given: [headers(1), headers(1, both)], code: 1 },
    "a window of 0 more": { given: [headers(1), windowUpdate(1, 0)], code: 1 },
    "a window beyond the maximum": { given: [headers(1), windowUpdate(1, 2 ** 31 - 1)], code: 3 },
    "more data than the window": {
      given: [headers(1), ...Array.from({ length: 7 }, () => data(1, Buffer.alloc(16_000)))],
      code: 3,
    },
  };
  for (const [what, { given, code }] of Object.entries(cases)) {
    const harness = Harness.greeted({ streamWindowBytes: 100_000, connectionWindowBytes: 10_000_000 });
    harness.onOpened = (stream) => stream.pause();
    harness.receive(...given, ping());
    t.strictSame(harness.said(), [`RST_STREAM 1 code=${code}`, "PING 0 ack"], what);
    t.equal(harness.events.at(-1), "aborted 1", what);
  }
});

test("data for a stream that is gone", async (t) => {
  const harness = Harness.greeted().receive(headers(1), headers(3, both));
  harness.streams.get(1)!.end(answerBlock);
  harness.streams.get(3)!.end(answerBlock);
  t.strictSame(harness.said(), ["HEADERS 1 1 end", "RST_STREAM 1 code=0", "HEADERS 3 1 end"]);
  harness.receive(data(1, [1]), headers(1, both, encodeHeaders([["a", "b"]])));
  t.strictSame(harness.said(), [], "the client had not yet heard");
  harness.receive(data(3, [1]));
  t.strictSame(harness.said(), ["RST_STREAM 3 code=5"], "it had said that it was done");
  harness.receive(headers(3, both));
  t.equal(harness.events.at(-1), "failed 5");
});

test("errors of the connection", async (t) => {
  const longBlock = [headers(1, 0), ...Array.from({ length: 8 }, () => frame(9, 0, 1, Buffer.alloc(16_000)))];
  const cases: Record<string, { given: Buffer[]; code: number }> = {
    "data on stream 0": { given: [data(0, [1])], code: 1 },
    "data on an idle stream": { given: [data(1, [1])], code: 1 },
    "headers on stream 0": { given: [headers(0)], code: 1 },
    "headers on a server's stream": { given: [headers(2)], code: 1 },
    "headers on a skipped stream": { given: [headers(5), headers(3)], code: 1 },
    "padding beyond the frame": { given: [headers(1), frame(0, 8, 1, [5, 0])], code: 1 },
    "a padded frame of nothing": { given: [headers(1), frame(0, 8, 1)], code: 6 },
    "priority beyond the frame": { given: [frame(1, endHeaders | 32, 1, [0, 0])], code: 6 },
    "reset of an idle stream": { given: [reset(1)], code: 1 },
    "reset of stream 0": { given: [reset(0)], code: 1 },
    "a short reset": { given: [headers(1), frame(3, 0, 1, [0])], code: 6 },
    "window of an idle stream": { given: [windowUpdate(1, 1)], code: 1 },
    "a connection window of 0 more": { given: [windowUpdate(0, 0)], code: 1 },
    "a connection window beyond the maximum": { given: [windowUpdate(0, 2 ** 31 - 1)], code: 3 },
    "a short window update": { given: [frame(8, 0, 0, [1])], code: 6 },
    "settings on a stream": { given: [frame(4, 0, 1)], code: 1 },
    "settings of a broken length": { given: [frame(4, 0, 0, [1])], code: 6 },
    "an acknowledgement with content": { given: [frame(4, 1, 0, [0, 0, 0, 0, 0, 0])], code: 6 },
    "push neither on nor off": { given: [settings([2, 2])], code: 1 },
    "a frame size below the least": { given: [settings([5, 16_383])], code: 1 },
    "an initial window beyond the maximum": { given: [settings([4, 2 ** 31])], code: 3 },
    "open windows pushed beyond it": {
      given: [headers(1), windowUpdate(1, 2 ** 31 - 1 - 65_535), settings([4, 65_536])],
      code: 3,
    },
    "ping on a stream": { given: [frame(6, 0, 1, Buffer.alloc(8))], code: 1 },
    "a short ping": { given: [frame(6, 0, 0, [1])], code: 6 },
    "goaway on a stream": { given: [frame(7, 0, 1, Buffer.alloc(8))], code: 1 },
    "a push promise": { given: [frame(5, 0, 1, Buffer.alloc(4))], code: 1 },
    "continuation of nothing": { given: [frame(9, 4, 1)], code: 1 },
    "continuation of another stream": { given: [headers(1, 0), frame(9, 4, 3)], code: 1 },
    "an interrupted block": { given: [headers(1, 0), ping()], code: 1 },
    "a frame above the maximum": { given: [headers(1), data(1, Buffer.alloc(16_385))], code: 6 },
    "a block without end": { given: longBlock, code: 11 },
    "a block of empty frames": {
      given: [headers(1, 0), ...Array.from({ length: 8000 }, () => frame(9, 0, 1))],
      code: 11,
    },
    "a broken block": { given: [headers(1, both, Uint8Array.of(0x80))], code: 9 },
    "a broken block for a refused stream": {
      given: [headers(1), headers(3), headers(5), headers(7), headers(9, both, Uint8Array.of(0xff))],
      code: 9,
    },
  };
  for (const [what, { given, code }] of Object.entries(cases)) {
    const harness = Harness.greeted();
    harness.receive(...given);
    t.equal(harness.events.at(-1), `failed ${code}`, what);
    t.match(harness.said().at(-1), new RegExp(`^GOAWAY 0 last=\\d code=${code}$`), what);
    harness.receive(ping());
    t.strictSame(harness.said(), [], "nothing is read any more");
  }
});

test("what is no HTTP/2", async (t) => {
  const given = ["GET / HTTP/1.1\r\n\r\n", `${preface.slice(0, -1)}x`];
  for (const text of given) {
    const harness = new Harness().receive(Buffer.from(text, "latin1"));
    t.strictSame(harness.events, ["failed 1"]);
  }
  t.strictSame(new Harness().receive(start, ping()).events, ["failed 1"], "SETTINGS come first");
  t.strictSame(
    new Harness().receive(start, frame(4, 1, 0)).events,
    ["failed 1"],
    "and not their acknowledgement",
  );
});

test("floods are cut off, and time forgives", async (t) => {
  const many = (count: number, one: Buffer): Buffer =>
    Buffer.concat(Array.from({ length: count }, () => one));
  for (const each of [ping(), settings(), frame(2, 0, 1, [0, 0, 0, 0, 0]), frame(77, 0, 0)]) {
    const harness = Harness.greeted().receive(many(9_000, each));
    t.notOk(harness.over);
    harness.receive(many(2_000, each));
    t.equal(harness.events.at(-1), "failed 11");
  }
  const slow = Harness.greeted();
  for (let second = 0; second < 1000; second++) slow.connection.receive(many(90, ping()), second * 1000);
  t.notOk(slow.over, "90 pings a second are fine");

  const rapid = Harness.greeted();
  for (let id = 1; id < 60_000 && !rapid.over; id += 2) rapid.receive(headers(id, both), reset(id));
  t.equal(rapid.events.at(-1), "failed 11");
});

test("shutdown: open streams finish, new ones are refused", async (t) => {
  const harness = Harness.greeted().receive(headers(1, both));
  harness.connection.shutdown();
  harness.receive(headers(3, both));
  t.strictSame(harness.said(), ["GOAWAY 0 last=1 code=0", "RST_STREAM 3 code=7"]);
  t.notOk(harness.over);
  harness.streams.get(1)!.answer(answerBlock, Buffer.from("x"), trailerBlock);
  t.strictSame(harness.events, [`${opened} end`, "over"]);
  t.equal(harness.said().length, 3, "the answer still leaves");
  const idle = Harness.greeted();
  idle.connection.shutdown();
  t.strictSame(idle.events, ["over"]);
});

test("a lost transport aborts what is open, once", async (t) => {
  const harness = Harness.greeted().receive(headers(1), headers(3));
  harness.streams.get(3)!.reset(2);
  harness.connection.lost();
  harness.connection.lost();
  t.strictSame(harness.events.slice(2), ["aborted 1", "over"]);
  for (const stream of harness.streams.values()) {
    stream.respond(answerBlock);
    t.ok(stream.write(Buffer.from("x")));
    stream.answer(answerBlock, Buffer.from("x"), trailerBlock);
    stream.end(trailerBlock);
    stream.reset(1);
  }
  t.strictSame(harness.said(), ["RST_STREAM 3 code=2"]);
});

test("goaway says why, for whoever reads the wire", async (t) => {
  const harness = Harness.greeted().receive(data(1, uint32(1)));
  t.match(harness.take().at(-1)!.payload.subarray(8).toString(), /idle stream/);
});
