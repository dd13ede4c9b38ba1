import { test } from "tap";
import type { GrpcStream } from "../../../src/api/transport/grpc-method.ts";
import { type Gate, gateElsewhere } from "../../../src/api/v3/gate.ts";
import { watch } from "../../../src/api/v3/watch.ts";
import { WatchEncoder } from "../../../src/api/v3/watch-encoder.ts";
import { type KvClient, KvError, type WatchSink } from "../../../src/store/kv.ts";
import {
  Event,
  KeyValue,
  ResponseHeader,
  WatchRequest,
  WatchResponse,
} from "../../../src/store/wire/messages.ts";

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
  t.strictSame(log.splice(0), [], "a client that closed its half goes on receiving, as with etcd");
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

test("a response in pieces is the message, and its events are the shared bytes", async (t) => {
  const encoder = new WatchEncoder();
  const kv = KeyValue.create({ key: Buffer.from("k"), value: Buffer.alloc(300), mod_revision: 5 });
  const events = [Event.create({ kv }), Event.create({ type: 1, kv })];
  const shared = { encoded: WatchResponse.encode({ events }) };
  for (const revision of [5, 5, 6]) {
    for (const [watch_id, fragment] of [
      [0, false],
      [7, true],
    ] as const) {
      const header = ResponseHeader.create({ cluster_id: 1n, member_id: 2n, revision, raft_term: 3n });
      const response = WatchResponse.create({ header, watch_id, fragment, events });
      const pieces = encoder.encode(response, shared);
      t.equal(pieces.at(-1), shared.encoded, "not a copy");
      t.strictSame(Buffer.concat(pieces), WatchResponse.encode(response));
    }
  }
});

test("a carrier that takes pieces gets pieces", async (t) => {
  const { stream } = fakeStream();
  const messages: Buffer[] = [];
  let sink: WatchSink | undefined;
  const kv = {
    openWatch(given: WatchSink) {
      sink = given;
      return {};
    },
  } as unknown as KvClient;
  watch(kv, gateElsewhere).handle(
    Object.assign(stream, {
      writePieces: (pieces: readonly Uint8Array[]) => messages.push(Buffer.concat(pieces)) > 0,
    }),
  );
  const events = [Event.create({ kv: KeyValue.create({ key: Buffer.from("k") }) })];
  const response = WatchResponse.create({ header: ResponseHeader.create({ revision: 2 }), events });
  t.ok(sink!.deliver(response, { encoded: WatchResponse.encode({ events }) }));
  t.strictSame(messages, [WatchResponse.encode(response)]);
});

test("a client that creates very many at once is read no faster than it is answered", async (t) => {
  let sink: WatchSink | undefined;
  const { stream, log } = fakeStream();
  const nothing = (): void => {};
  const watchStream = {
    create: nothing,
    cancel: nothing,
    requestProgress: nothing,
    resume: nothing,
    close: nothing,
  };
  const kv = {
    openWatch(given: WatchSink) {
      sink = given;
      return watchStream;
    },
  } as unknown as KvClient;
  watch(kv, gateElsewhere).handle(stream);
  const create = WatchRequest.encode({ create_request: { key: Buffer.from("a") } });
  for (let i = 0; i < 999; i++) stream.onMessage(create);
  t.strictSame(log, []);
  stream.onMessage(create);
  t.strictSame(log.splice(0), ["pause"]);
  for (let i = 0; i < 1000; i++) sink!.deliver(WatchResponse.create({ created: true, watch_id: i }));
  t.strictSame(
    log.splice(0).filter((what) => what !== "write"),
    ["resume"],
  );
  for (let i = 0; i < 1000; i++) {
    stream.onMessage(WatchRequest.encode({ cancel_request: { watch_id: i } }));
    stream.onMessage(WatchRequest.encode({ cancel_request: { watch_id: 5000 } }));
  }
  t.strictSame(log.splice(0), ["pause"], "cancels of known ids are answered too");
  stream.full = true;
  for (let i = 0; i < 1000; i++) sink!.deliver(WatchResponse.create({ canceled: true, watch_id: i }));
  t.strictSame(
    log.splice(0).filter((what) => what !== "write"),
    [],
    "the outbox is full now",
  );
  stream.full = false;
  stream.onDrain();
  t.strictSame(log, ["resume"]);
});
