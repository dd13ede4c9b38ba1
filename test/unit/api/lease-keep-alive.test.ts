/** Many keepalives of one stream: passed on at once, answered in order, and no more of them than the stream takes. */
import { test } from "tap";
import type { GrpcStream } from "../../../src/api/transport/grpc-method.ts";
import { gateElsewhere } from "../../../src/api/v3/gate.ts";
import { leaseKeepAlive } from "../../../src/api/v3/lease-keep-alive.ts";
import { type KvClient, KvError } from "../../../src/store/kv.ts";
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../../../src/store/wire/messages.ts";
import { settled } from "../../support/hand-clock.ts";

function world() {
  const waiting = new Map<bigint, (error?: KvError) => void>();
  const written: bigint[] = [];
  const log: string[] = [];
  const stream: GrpcStream & { full: boolean } = {
    path: "",
    metadata: { get: () => undefined },
    signal: new AbortController().signal,
    onMessage: (_: Uint8Array) => {},
    onHalfClose: () => {},
    onDrain: () => {},
    full: false,
    write: (message) => {
      written.push(LeaseKeepAliveResponse.decode(message).ID);
      return !stream.full;
    },
    pause: () => void log.push("pause"),
    resume: () => void log.push("resume"),
    end: (status) => void log.push(`end ${status.code}`),
  };
  const kv: Pick<KvClient, "leaseKeepAlive"> = {
    leaseKeepAlive: ({ ID }) =>
      new Promise((resolve, reject) => {
        waiting.set(ID!, (error) =>
          error ? reject(error) : resolve(LeaseKeepAliveResponse.create({ ID: ID!, TTL: 5 })),
        );
      }),
  };
  leaseKeepAlive(kv as KvClient, gateElsewhere).handle(stream);
  const ask = (ID: bigint): void => stream.onMessage(LeaseKeepAliveRequest.encode({ ID }));
  const answer = async (ID: bigint, error?: KvError): Promise<void> => {
    waiting.get(ID)!(error);
    await settled();
  };
  return { stream, waiting, written, log, ask, answer };
}

test("answers keep the order of the requests", async (t) => {
  const { waiting, written, log, ask, answer, stream } = world();
  for (const ID of [1n, 2n, 3n]) ask(ID);
  t.equal(waiting.size, 3, "none waits for another");
  await answer(2n);
  await answer(3n);
  t.strictSame(written, []);
  stream.onHalfClose();
  t.strictSame(log, [], "what was asked is answered before the end");
  await answer(1n);
  t.strictSame(written, [1n, 2n, 3n]);
  t.strictSame(log, ["end 0"]);
});

test("a client that does not read keeps its answers here, up to a maximum, then its requests there", async (t) => {
  const { waiting, written, log, ask, answer, stream } = world();
  stream.full = true;
  for (let ID = 1n; ID <= 1001n; ID++) ask(ID);
  t.strictSame(log, ["pause", "pause"]);
  for (const ID of waiting.keys()) await answer(ID);
  t.strictSame(written, [1n], "the outbox took one");
  stream.full = false;
  stream.onDrain();
  t.equal(written.length, 1001);
  t.equal(log.at(-1), "resume");
});

test("a failure ends the stream with its status", async (t) => {
  const { log, ask, answer } = world();
  ask(1n);
  await answer(1n, new KvError("kv.no-leader"));
  t.strictSame(log, ["end 14"]);
});
