import { test } from "tap";
import { utf8 } from "../../../src/base/bytes.ts";
import { kvClientSuite, refused } from "../../conformance/kv-client.ts";
import { MemoryKv } from "../../support/memory-kv.ts";

kvClientSuite("MemoryKv", async () => ({ kv: new MemoryKv(), close: async () => {} }));

test("time moves only by advance", async (t) => {
  const kv = new MemoryKv();
  const { ID } = await kv.leaseGrant({ TTL: 10 });
  await kv.put({ key: utf8.encode("a"), lease: ID });
  kv.advance(6000);
  t.equal((await kv.leaseTimeToLive({ ID })).TTL, 4);
  await kv.leaseKeepAlive({ ID });
  kv.advance(9999);
  t.equal((await kv.range({ key: utf8.encode("a") })).count, 1);
  kv.advance(1);
  t.equal((await kv.range({ key: utf8.encode("a") })).count, 0);
  t.equal((await kv.leaseKeepAlive({ ID })).TTL, 0);
});

test("planned faults", async (t) => {
  const kv = new MemoryKv();
  const key = utf8.encode("a");
  kv.fail({ code: "kv.no-leader", method: "put" });
  await kv.range({ key });
  await refused(t, kv.put({ key }), "kv.no-leader");
  t.equal((await kv.range({ key })).count, 0);
  kv.fail({ code: "kv.timeout", happens: true });
  await refused(t, kv.put({ key }), "kv.timeout");
  t.equal((await kv.range({ key })).count, 1, "it happened all the same");
  const release = kv.hold();
  let done = false;
  const held = kv.put({ key }).then(() => {
    done = true;
  });
  await kv.settled();
  t.notOk(done);
  release();
  await held;
});
