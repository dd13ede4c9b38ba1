/**
 * Counters of gRPC calls under the names of etcd's go-grpc-prometheus (etcd.md section 16, row 40). Every known method is
 * there with 0 from the start, as dashboards expect.
 */
import { grpcCodeName, grpcCodeNames } from "../../store/wire/grpc-code.ts";
import type { GrpcMethods, GrpcObserver } from "../transport/grpc-method.ts";
import type { Labels, MetricRegistry, Sample } from "./metrics.ts";

interface MethodCount {
  readonly labels: Labels;
  started: number;
  received: number;
  sent: number;
  /** By gRPC code. */
  readonly handled: number[];
}

/** Registers the four counters and returns the observer that the gRPC server feeds. */
export function grpcMetrics(registry: MetricRegistry, methods: GrpcMethods): GrpcObserver {
  const counts = new Map<string, MethodCount>();
  for (const [path, method] of methods) {
    const [, service = "", name = ""] = path.split("/");
    counts.set(path, {
      labels: { grpc_method: name, grpc_service: service, grpc_type: method.kind },
      started: 0,
      received: 0,
      sent: 0,
      handled: grpcCodeNames.map(() => 0),
    });
  }
  const each = (field: "started" | "received" | "sent"): (() => Sample[]) => {
    return () => [...counts.values()].map((count) => ({ labels: count.labels, value: count[field] }));
  };
  const by = "Calls by method";
  registry.counter("grpc_server_started_total", `${by}, started on the server.`, each("started"));
  registry.counter("grpc_server_msg_received_total", "Messages received by method.", each("received"));
  registry.counter("grpc_server_msg_sent_total", "Messages sent by method.", each("sent"));
  registry.counter("grpc_server_handled_total", `${by} and code, completed on the server.`, function* () {
    for (const count of counts.values()) {
      for (const [code, value] of count.handled.entries()) {
        yield { labels: { grpc_code: grpcCodeName(code), ...count.labels }, value };
      }
    }
  } as () => Iterable<Sample>);
  return {
    started: (path) => void counts.get(path)!.started++,
    received: (path) => void counts.get(path)!.received++,
    sent: (path) => void counts.get(path)!.sent++,
    handled: (path, code) => void counts.get(path)!.handled[code]!++,
  };
}
