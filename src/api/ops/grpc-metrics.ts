/**
 * Counters of gRPC calls under the names of etcd's go-grpc-prometheus (etcd.md section 16, rows 19 and 40). Every known method is
 * there with 0 from the start, as dashboards expect.
 */
import { grpcCodeName, grpcCodeNames } from "../../store/wire/grpc-code.ts";
import type { GrpcMethod, GrpcMethods, GrpcObserver } from "../transport/grpc-method.ts";
import type { Histogram } from "./histogram.ts";
import type { MetricRegistry } from "./metric-registry.ts";
import type { Labels, Sample } from "./metric-text.ts";

interface MethodCount {
  readonly labels: Labels;
  readonly kind: GrpcMethod["kind"];
  started: number;
  received: number;
  sent: number;
  /** By gRPC code, as the labels. */
  readonly handled: number[];
  readonly handledLabels: readonly Labels[];
  readonly seconds: Histogram | null;
}

export interface GrpcMetricsOptions {
  /** `--metrics extensive`: the clock, in milliseconds, that measures every call. Null: none is measured. */
  readonly now: (() => number) | null;
}

/** Of go-grpc-prometheus: Prometheus' default buckets. */
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A client says its version itself; after so many different ones the rest counts as "other". */
const clientVersionsMax = 64;

/** Registers the metrics and returns the observer that the gRPC server feeds. */
export function grpcMetrics(
  registry: MetricRegistry,
  methods: GrpcMethods,
  { now }: GrpcMetricsOptions = { now: null },
): GrpcObserver {
  const by = "Calls by method";
  const labelNames = ["grpc_type", "grpc_service", "grpc_method"];
  const seconds =
    now &&
    registry.histograms("grpc_server_handling_seconds", `${by}, in seconds.`, labelNames, secondsBounds);
  const counts = new Map<string, MethodCount>();
  for (const [path, { kind }] of methods) {
    const [, service = "", name = ""] = path.split("/");
    const labels = { grpc_method: name, grpc_service: service, grpc_type: kind };
    counts.set(path, {
      labels,
      kind,
      started: 0,
      received: 0,
      sent: 0,
      handled: grpcCodeNames.map(() => 0),
      handledLabels: grpcCodeNames.map((_, code) => ({ grpc_code: grpcCodeName(code), ...labels })),
      seconds: seconds?.with(kind, service, name) ?? null,
    });
  }
  const each = (field: "started" | "received" | "sent"): (() => Sample[]) => {
    return () => [...counts.values()].map((count) => ({ labels: count.labels, value: count[field] }));
  };
  registry.counter("grpc_server_started_total", `${by}, started on the server.`, each("started"));
  registry.counter("grpc_server_msg_received_total", "Messages received by method.", each("received"));
  registry.counter("grpc_server_msg_sent_total", "Messages sent by method.", each("sent"));
  registry.counter("grpc_server_handled_total", `${by} and code, completed on the server.`, function* () {
    for (const count of counts.values()) {
      for (const [code, value] of count.handled.entries()) {
        yield { labels: count.handledLabels[code]!, value };
      }
    }
  } as () => Iterable<Sample>);
  const countVersion = clientRequests(registry);
  return {
    started(path, metadata) {
      const count = counts.get(path)!;
      count.started++;
      countVersion(count.kind, metadata?.get("client-api-version"));
      return now === null ? 0 : now();
    },
    received: (path) => void counts.get(path)!.received++,
    sent: (path) => void counts.get(path)!.sent++,
    handled(path, code, started) {
      const count = counts.get(path)!;
      count.handled[code]!++;
      if (now !== null && started) count.seconds?.observe((now() - started) / 1000);
    },
  };
}

interface VersionCount {
  unary: number;
  stream: number;
}

/** `etcd_server_client_requests_total`; returns what counts one request. */
function clientRequests(
  registry: MetricRegistry,
): (kind: GrpcMethod["kind"], version: string | undefined) => void {
  const versions = new Map<string, VersionCount>();
  registry.counter("etcd_server_client_requests_total", "Requests by the client's version.", function* () {
    for (const [client_api_version, count] of versions) {
      for (const type of ["unary", "stream"] as const) {
        if (count[type] > 0) yield { labels: { client_api_version, type }, value: count[type] };
      }
    }
  } as () => Iterable<Sample>);
  return (kind, given) => {
    const version = given || "unknown";
    let count = versions.get(version);
    if (count === undefined) {
      const name = versions.size < clientVersionsMax ? version : "other";
      count = versions.get(name) ?? { unary: 0, stream: 0 };
      versions.set(name, count);
    }
    count[kind === "unary" ? "unary" : "stream"]++;
  };
}
