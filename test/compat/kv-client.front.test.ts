/** RemoteKv against our own client port over the store in memory: nothing is lost on the way through the front. */
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { kvClientSuite } from "../conformance/kv-client.ts";
import { systemClock } from "./clock.ts";
import { startMemoryFront } from "./memory-front.ts";

const front = await startMemoryFront();
kvClientSuite("RemoteKv to our front", async () => {
  const options = { endpoints: [front.endpoint], requestTimeoutMs: 5000 };
  const kv = new RemoteKv(options, { clock: systemClock, logger: silent });
  return { kv, close: async () => kv.close() };
});
test("the front stops", () => front.stop());
