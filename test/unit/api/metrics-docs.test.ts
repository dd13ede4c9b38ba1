/** docs/metrics.md lists every metric of a server, and only those, in the words of /metrics. */
import { readFileSync } from "node:fs";
import { test } from "tap";
import { MetricsOfAgent } from "../../../src/agent/metrics.ts";
import { grpcMetrics } from "../../../src/api/ops/grpc-metrics.ts";
import { Scope } from "../../../src/base/scope.ts";
import { systemClock } from "../../../src/host/clock.ts";
import { startCluster } from "../../support/agents.ts";

const documented = /^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| (.+) \|$/gm;

test("docs/metrics.md and the registry agree", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const scope = new Scope();
  t.teardown(() => scope.close());
  const metrics = new MetricsOfAgent({ scope, clock: systemClock });
  metrics.observe(cluster.agents[0]!.agent.server!);
  grpcMetrics(metrics.registry, new Map(), { now: () => 0 });

  const page = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(documented)].map(([, name, type, , help]) => `${name} ${type}: ${help}`);
  const registered = metrics.registry.list().map(({ name, type, help }) => `${name} ${type}: ${help}`);
  t.same(rows.sort(), registered.sort());

  // Every sample of the metrics that have one by now has the labels that the page names.
  const labelsOf = new Map([...page.matchAll(documented)].map(([, name, , labels]) => [name!, labels!]));
  for (const [, sample, labels = ""] of (await metrics.registry.renderInSlices(systemClock)).matchAll(
    /^([a-z_]+)(?:\{(.*)\})? /gm,
  )) {
    const name = labelsOf.has(sample!) ? sample! : sample!.replace(/_(bucket|sum|count)$/, "");
    const names = [...labels.matchAll(/(\w+)="/g)]
      .map(([, label]) => label!)
      .filter((label) => label !== "le");
    if ((labelsOf.get(name) ?? "").trim() !== names.join(", "))
      t.fail(`${name} has labels ${names.join(", ")}`);
  }
});
