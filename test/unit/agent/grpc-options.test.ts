import { test } from "tap";
import type { RunFlags } from "../../../src/agent/config.ts";
import { parseGrpc } from "../../../src/agent/grpc-options.ts";

const parse = (flags: Readonly<Record<string, string>>) => parseGrpc(flags as RunFlags);

test("the flags of the gRPC server", async (t) => {
  const usual = parse({});
  t.strictSame(usual, {
    keepaliveMinTimeMs: 5000,
    keepaliveIntervalMs: 7_200_000,
    keepaliveTimeoutMs: 20_000,
    streamsMax: 65_536,
  });
  t.equal(parse({ "grpc-keepalive-interval": "10s" }).keepaliveIntervalMs, 10_000);
  for (const zero of ["0", "0s", "0h"]) {
    const flags = { "grpc-keepalive-interval": zero, "grpc-keepalive-timeout": zero };
    t.strictSame(parse(flags), usual, `${zero} leaves gRPC's own, as with etcd`);
  }
  t.equal(parse({ "max-concurrent-streams": "4294967295" }).streamsMax, 65_536);
  t.throws(() => parse({ "grpc-keepalive-interval": "5ms" }), { code: "config.invalid" });
});
