import { test } from "tap";
import type { GrpcStream } from "../../../src/api/transport/grpc-method.ts";
import { type Gate, gateElsewhere } from "../../../src/api/v3/gate.ts";
import { watch } from "../../../src/api/v3/watch.ts";
import { fragments } from "../../../src/api/v3/watch-fragment.ts";
import { type KvClient, KvError, type WatchSink } from "../../../src/store/kv.ts";
import { Event, KeyValue, WatchRequest, WatchResponse } from "../../../src/store/wire/messages.ts";

const event = (name: string, size: number): Event =>
  Event.create({
    kv: KeyValue.create({ key: Buffer.from(name), value: Buffer.alloc(size), mod_revision: 5 }),
  });

test("fragments: every event once, in order, all but the last marked", async (t) => {
  const events = Array.from({ length: 20 }, (_, i) => event(`k${i}`, 300));
  const whole = WatchResponse.create({ watch_id: 3, events });
  t.equal(fragments(whole, 1_000_000).length, 1);
  const pieces = fragments(whole, 1000).map((bytes) => ({ bytes, piece: WatchResponse.decode(bytes) }));
  t.ok(pieces.length > 5);
  for (const { bytes, piece } of pieces) {
    t.ok(bytes.length <= 1000);
    t.equal(piece.watch_id, 3);
  }
  t.strictSame(
    pieces.map(({ piece }) => piece.fragment),
    pieces.map((_, i) => i < pieces.length - 1),
  );
  const keys = pieces.flatMap(({ piece }) =>
    piece.events.map((each) => Buffer.from(each.kv!.key).toString()),
  );
  t.strictSame(
    keys,
    events.map((each) => Buffer.from(each.kv!.key).toString()),
  );
  t.equal(
    fragments(WatchResponse.create({ events: [event("big", 5000)] }), 1000).length,
    1,
    "one event stays whole",
  );
});

/** A stream whose outbox is full when told so. */
function fakeStream() {
  const log: string[] = [];
  const stream: GrpcStream & { full: boolean } = {
    path: "",
    metadata: { get: () => undefined },
    signal: new AbortController().signal,
    onMessage: (_: Uint8Array) => {},
    onHalfClose: () => {},
    onDrain: () => {},
    full: false,
    write: () => {
      log.push("write");
      return !stream.full;
    },
    pause: () => void log.push("pause"),
    resume: () => void log.push("resume"),
    end: (status: { code: number }) => void log.push(`end ${status.code}`),
  };
  return { stream, log };
}

test("a full outbox stops the store and the client, a drain starts both", async (t) => {
  let sink: WatchSink | undefined;
  const { stream, log } = fakeStream();
  const kv: Pick<KvClient, "openWatch"> = {
    openWatch: (given) => {
      sink = given;
      return {
        create: () => void log.push("store create"),
        cancel: (id) => void log.push(`store cancel ${id}`),
        requestProgress: () => void log.push("store progress"),
        resume: () => void log.push("store resume"),
        close: () => void log.push("store close"),
      };
    },
  };
  watch(kv as KvClient, gateElsewhere).handle(stream);
  stream.onMessage(WatchRequest.encode({ create_request: { key: Buffer.from("a") } }));
  stream.onMessage(WatchRequest.encode({ cancel_request: { watch_id: 4 } }));
  stream.onMessage(WatchRequest.encode({ progress_request: {} }));
  t.strictSame(log.splice(0), ["store create", "store cancel 4", "store progress"]);
  t.equal(sink!.deliver(WatchResponse.create({ created: true })), true);
  stream.full = true;
  t.equal(sink!.deliver(WatchResponse.create({})), false);
  t.strictSame(log.splice(0), ["write", "write", "pause"]);
  stream.onDrain();
  t.strictSame(log.splice(0), ["store resume", "resume"]);
  stream.onHalfClose();
  t.strictSame(log.splice(0), ["store close", "end 0"]);
});

test("malformed requests end the stream; without a leader there is none", async (t) => {
  const { stream, log } = fakeStream();
  const kv = { openWatch: () => ({ close: () => {} }) } as unknown as KvClient;
  watch(kv, gateElsewhere).handle(stream);
  stream.onMessage(Buffer.from([0xff]));
  t.strictSame(log, ["end 13"]);
  const refused = fakeStream();
  const closed: Gate = {
    admit: () => {
      throw new KvError("kv.no-leader");
    },
  };
  watch(kv, closed).handle(refused.stream);
  t.strictSame(refused.log, ["end 14"]);
});
