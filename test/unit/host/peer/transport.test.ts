/** Two real transports on loopback. */
import { once } from "node:events";
import { createConnection } from "node:net";
import { type Test, test } from "tap";
import { AgentError } from "../../../../src/base/errors.ts";
import { ClusterId, Index, MemberId, Term } from "../../../../src/base/ids.ts";
import { frameBytesMax } from "../../../../src/host/peer/frame.ts";
import { encodeHello } from "../../../../src/host/peer/handshake.ts";
import type { SnapshotMeta } from "../../../../src/raft/entry.ts";
import type { Message } from "../../../../src/raft/message.ts";
import { clusterId, introduce, startMember, type TestMember, until } from "./support.ts";

function heartbeat(from: TestMember, to: TestMember, round: number): Message {
  return { type: "heartbeat", from: from.id, to: to.id, term: Term(1), commit: Index(0), round };
}

/** What a call rejects with when the peer's handler threw an error with this code. */
const remoteCode = (remote: string, message?: string): { code: string } =>
  Object.assign({ code: "peer.call-failed", detail: { remote } }, message === undefined ? {} : { message });

const connected = (from: TestMember, to: TestMember): boolean => from.transport.active().has(to.id);

async function pair(
  t: Test,
  ...handlers: Parameters<typeof startMember>[1][]
): Promise<[TestMember, TestMember]> {
  const one = await startMember(1n, handlers[0]);
  const two = await startMember(2n, handlers[1]);
  t.teardown(() => Promise.all([one.transport.close(), two.transport.close()]));
  introduce(one, two);
  await until(() => connected(one, two) && connected(two, one));
  return [one, two];
}

test("messages arrive in order, both ways", async (t) => {
  const [one, two] = await pair(t);
  for (let round = 1; round <= 100; round++) {
    one.transport.send(heartbeat(one, two, round));
    two.transport.send(heartbeat(two, one, round));
  }
  await until(() => one.received.length === 100 && two.received.length === 100);
  t.strictSame(
    two.received,
    Array.from({ length: 100 }, (_, i) => heartbeat(one, two, i + 1)),
  );
});

test("a large append-entries arrives whole", async (t) => {
  const [one, two] = await pair(t);
  const data = Buffer.alloc(1_500_000, "x");
  const entries = [1, 2, 3].map((index) => ({
    index: Index(index),
    term: Term(1),
    type: "normal" as const,
    data,
  }));
  const message: Message = {
    type: "append-entries",
    from: one.id,
    to: two.id,
    term: Term(1),
    previousIndex: Index(0),
    previousTerm: Term(0),
    commit: Index(0),
    entries,
  };
  one.transport.send(message);
  await until(() => two.received.length === 1);
  t.strictSame(two.received[0], message);
});

test("a message that no frame may hold is refused, and the connection stands", async (t) => {
  const [one, two] = await pair(t);
  const since = one.transport.active().get(two.id)?.connectedSince;
  const data = Buffer.alloc(frameBytesMax);
  const head = { from: one.id, to: two.id, term: Term(1) };
  one.transport.send({ type: "propose", ...head, entries: [{ type: "normal", data }] });
  t.same(one.unreachable.slice(-1), [two.id]);
  one.transport.send(heartbeat(one, two, 1));
  await until(() => two.received.length === 1 || !connected(one, two));
  t.match(two.received, [{ type: "heartbeat" }]);
  t.equal(one.transport.active().get(two.id)?.connectedSince, since);
});

test("a peer that comes back is connected again", async (t) => {
  const [one, two] = await pair(t);
  await two.transport.close();
  await until(() => !connected(one, two) && one.unreachable.includes(two.id));
  one.transport.send(heartbeat(one, two, 1));
  await t.rejects(one.transport.call(two.id, "echo", Buffer.from("x")), { code: "peer.disconnected" });
  const again = await startMember(2n, {}, { port: two.port });
  t.teardown(() => again.transport.close());
  await until(() => connected(one, again));
  one.transport.send(heartbeat(one, again, 2));
  await until(() => again.received.length === 1);
  t.match(again.received, [{ round: 2 }], "what was sent meanwhile is dropped");
});

test("calls are answered, fail with the remote code, and can be canceled", async (t) => {
  class Refusal extends AgentError<{ code: "kv.no-leader" }> {}
  const never = Promise.withResolvers<Uint8Array>();
  const [one, two] = await pair(
    t,
    {},
    {
      async call(from, method, payload) {
        if (method === "refuse") throw new Refusal("no leader here", { code: "kv.no-leader" });
        if (method === "break") throw new Error("oops");
        if (method === "hang") return never.promise;
        return Buffer.from(`${from} ${method} ${Buffer.from(payload)}`);
      },
    },
  );
  const many = Array.from({ length: 50 }, (_, i) => one.transport.call(two.id, "echo", Buffer.from(`${i}`)));
  t.strictSame(
    (await Promise.all(many)).map(String),
    Array.from({ length: 50 }, (_, i) => `1 echo ${i}`),
  );
  await t.rejects(
    one.transport.call(two.id, "refuse", Buffer.alloc(0)),
    remoteCode("kv.no-leader", "no leader here"),
  );
  await t.rejects(one.transport.call(two.id, "break", Buffer.alloc(0)), remoteCode("unknown"));
  await t.rejects(one.transport.call(MemberId(9n), "echo", Buffer.alloc(0)), { code: "peer.unknown" });
  const cancel = new AbortController();
  const canceled = one.transport.call(two.id, "hang", Buffer.alloc(0), cancel.signal);
  cancel.abort();
  await t.rejects(canceled, { code: "peer.canceled" });
  await t.rejects(one.transport.call(two.id, "hang", Buffer.alloc(0), cancel.signal), {
    code: "peer.canceled",
  });
  const broken = one.transport.call(two.id, "hang", Buffer.alloc(0));
  await two.transport.close();
  await t.rejects(broken, { code: "peer.disconnected" });
});

const meta: SnapshotMeta = {
  index: Index(7),
  term: Term(2),
  configuration: { voters: [MemberId(1n), MemberId(2n)], votersOutgoing: [], learners: [] },
};

test("a snapshot larger than every buffer arrives, however slow the reader", async (t) => {
  let sent = 0;
  let read = 0;
  let ahead = 0;
  const chunk = Buffer.alloc(256 * 1024, "s");
  const total = 200;
  const [one, two] = await pair(
    t,
    {},
    {
      async snapshot(from, of, chunks) {
        t.equal(from, MemberId(1n));
        t.strictSame(of, meta);
        for await (const part of chunks) {
          read += part.length;
          ahead = Math.max(ahead, sent - read);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    },
  );
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < total; i++) {
      sent += chunk.length;
      yield chunk;
    }
  }
  await one.transport.sendSnapshot(two.id, meta, chunks());
  t.equal(read, total * chunk.length);
  t.ok(ahead < (total * chunk.length) / 2, `the sender was held back: at most ${ahead} bytes ahead`);
});

test("a snapshot goes to the address at which the peer answers", async (t) => {
  let received = 0;
  const one = await startMember(1n);
  const two = await startMember(2n, {
    async snapshot(_from, _meta, chunks) {
      for await (const part of chunks) received += part.length;
    },
  });
  t.teardown(() => Promise.all([one.transport.close(), two.transport.close()]));
  one.transport.setPeers(new Map([[two.id, ["http://127.0.0.1:1", two.url]]]));
  await until(() => connected(one, two));
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1000);
  }
  await one.transport.sendSnapshot(two.id, meta, chunks());
  t.equal(received, 1000);
});

test("a receiver that refuses a snapshot ends the sending, and the chunks are freed", async (t) => {
  let freed = 0;
  class Busy extends AgentError<{ code: "snapshot.busy" }> {}
  const [one, two] = await pair(
    t,
    {},
    {
      async snapshot() {
        throw new Busy("another one is coming", { code: "snapshot.busy" });
      },
    },
  );
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(100_000);
    } finally {
      freed++;
    }
  }
  await t.rejects(one.transport.sendSnapshot(two.id, meta, endless()), remoteCode("snapshot.busy"));
  t.equal(freed, 1);
  await t.rejects(one.transport.sendSnapshot(MemberId(9n), meta, endless()), { code: "peer.unknown" });
});

test("a snapshot cut by its sender is an error for the reader", async (t) => {
  const begun = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<unknown>();
  const [one, two] = await pair(
    t,
    {},
    {
      async snapshot(_from, _meta, chunks) {
        try {
          for await (const _ of chunks) begun.resolve();
          failed.resolve(null);
        } catch (error) {
          failed.resolve(error);
          throw error;
        }
      },
    },
  );
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1000);
    await begun.promise;
    throw new Error("the disk is gone");
  }
  await t.rejects(one.transport.sendSnapshot(two.id, meta, broken()), { message: "the disk is gone" });
  t.match(await failed.promise, { code: "peer.disconnected" });
});

test("a member of another cluster, or for somebody else, is refused", async (t) => {
  const one = await startMember(1n);
  const foreign = await startMember(2n, {}, { clusterId: ClusterId(0xbadn) });
  t.teardown(() => Promise.all([one.transport.close(), foreign.transport.close()]));
  introduce(one, foreign);
  one.transport.setPeers(new Map([[MemberId(3n), [one.url]]]));
  await until(() => foreign.unreachable.length > 1 && one.unreachable.includes(MemberId(3n)));
  t.equal(one.transport.active().size, 0);
  t.equal(foreign.transport.active().size, 0);
});

test("addresses can change, and peers can go", async (t) => {
  const one = await startMember(1n);
  const two = await startMember(2n);
  t.teardown(() => Promise.all([one.transport.close(), two.transport.close()]));
  one.transport.setPeers(new Map([[two.id, ["no url", "http://127.0.0.1:1"]]]));
  await until(() => one.unreachable.length >= 2);
  one.transport.setPeers(new Map([[two.id, [two.url]]]));
  await until(() => connected(one, two));
  one.transport.setPeers(new Map());
  t.equal(one.transport.active().size, 0);
});

/** Writes raw bytes to a member and returns what it answers until it closes. */
async function raw(member: TestMember, ...parts: (Buffer | string)[]): Promise<string> {
  const socket = createConnection({ host: "127.0.0.1", port: member.port });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
  await once(socket, "connect");
  for (const part of parts) socket.write(part);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

test("bad bytes close the connection and nothing else", async (t) => {
  const [one, two] = await pair(t);
  const hello = encodeHello({ clusterId, from: MemberId(5n), to: one.id, kind: "raft" });
  const oversize = Buffer.from([0xff, 0xff, 0xff, 0x7f, 5]);
  // Each of these ends only because the member closes the connection.
  await raw(one, hello, oversize);
  t.equal(await raw(one, "ARGOSY/1 ", Buffer.from([0, 0, 1, 0, 1])), "", "too long for a hello");
  t.equal(await raw(one, "ARGOSY/1 ", Buffer.from([1, 0, 0, 0, 5])), "", "not a hello");
  await raw(one, hello, Buffer.from([3, 0, 0, 0, 5, 1, 2]));
  await raw(one, hello, Buffer.from([1, 0, 0, 0, 99]));
  one.transport.send(heartbeat(one, two, 1));
  two.transport.send(heartbeat(two, one, 2));
  await until(() => one.received.length === 1 && two.received.length === 1);
  t.pass("the pair still talks");
});

test("the peer port answers HTTP", async (t) => {
  const http = (path: string): object | null => (path === "/version" ? { argosy: "0.1.0" } : null);
  const member = await startMember(1n, { http });
  t.teardown(() => member.transport.close());
  const response = await fetch(`${member.url}/version`);
  t.strictSame(await response.json(), { argosy: "0.1.0" });
  t.equal((await fetch(`${member.url}/nothing`)).status, 404);
  t.match(await raw(member, "POST /version HTTP/1.1\r\n\r\n"), "400 Bad Request");
  t.equal(await raw(member, "GET /".padEnd(9000, "x")), "");
});

test("a port in use names the address", async (t) => {
  const one = await startMember(1n);
  t.teardown(() => one.transport.close());
  const error = await startMember(2n, {}, { port: one.port }).catch((caught) => caught);
  t.equal(error.code, "peer.listen-failed");
  t.match(error.message, `127.0.0.1:${one.port} (EADDRINUSE)`);
});
