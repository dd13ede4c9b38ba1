/** RemoteKv against Debian's etcd: the meaning of KvClient, measured at the original. */
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { kvClientSuite } from "../conformance/kv-client.ts";
import { systemClock } from "./clock.ts";
import { etcdMissing, startEtcd } from "./etcd.ts";

if (etcdMissing) {
  test("RemoteKv to etcd", { skip: etcdMissing }, () => {});
} else {
  const etcd = await startEtcd();
  kvClientSuite("RemoteKv to etcd", async () => {
    const options = { endpoints: [etcd.endpoint], requestTimeoutMs: 5000 };
    const kv = new RemoteKv(options, { clock: systemClock, logger: silent });
    return { kv, close: async () => kv.close() };
  });
  test("the oracle stops", () => etcd.stop());
}
