/** etcd's metrics of the network between members and with clients (etcd.md section 16, rows 37 to 39). */
import { exponentialBounds, type HistogramFamily } from "./histogram.ts";
import type { MetricRegistry } from "./metric-registry.ts";
import type { Labels, Sample } from "./metric-text.ts";

/** What is known of the traffic with one member. */
export interface PeerTraffic {
  /** In hexadecimal. */
  readonly peer: string;
  readonly connected: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Messages that were not sent, and connections of the peer that broke. */
  readonly sendFailures: number;
  readonly receiveFailures: number;
  /** Connections to it that stood and broke. */
  readonly disconnects: number;
}

export interface PeerFacts {
  readonly memberId: string;
  peers(): readonly PeerTraffic[];
  clientBytesSent(): number;
  clientBytesReceived(): number;
}

/** Counts of snapshots between members, by the other's id in hexadecimal. */
export interface SnapshotObserver {
  sent(to: string, ok: boolean, seconds: number): void;
  received(from: string, ok: boolean, seconds: number): void;
}

export function peerMetrics(registry: MetricRegistry, facts: PeerFacts): void {
  const each = (label: "To" | "From", value: (traffic: PeerTraffic) => number): (() => Sample[]) => {
    return () => facts.peers().map((peer) => ({ labels: { [label]: peer.peer }, value: value(peer) }));
  };
  const between = (value: (traffic: PeerTraffic) => number): (() => Sample[]) => {
    const labels = (peer: PeerTraffic): Labels => ({ Local: facts.memberId, Remote: peer.peer });
    return () => facts.peers().map((peer) => ({ labels: labels(peer), value: value(peer) }));
  };
  const name = "etcd_network_";
  registry.counter(
    `${name}peer_sent_bytes_total`,
    "Bytes sent to a member.",
    each("To", (p) => p.sentBytes),
  );
  registry.counter(
    `${name}peer_received_bytes_total`,
    "Bytes received from a member.",
    each("From", (p) => p.receivedBytes),
  );
  registry.counter(
    `${name}peer_sent_failures_total`,
    "Messages to a member that were not sent.",
    each("To", (p) => p.sendFailures),
  );
  registry.counter(
    `${name}peer_received_failures_total`,
    "Connections of a member that broke the protocol or fell silent.",
    each("From", (p) => p.receiveFailures),
  );
  registry.gauge(
    `${name}active_peers`,
    "Whether a member is connected.",
    between((p) => (p.connected ? 1 : 0)),
  );
  registry.counter(
    `${name}disconnected_peers_total`,
    "Connections to a member that were lost.",
    between((p) => p.disconnects),
  );
  registry.counter(`${name}client_grpc_sent_bytes_total`, "Bytes sent to gRPC clients.", () =>
    facts.clientBytesSent(),
  );
  registry.counter(`${name}client_grpc_received_bytes_total`, "Bytes received from gRPC clients.", () =>
    facts.clientBytesReceived(),
  );
}

/** Round trips to members, observed in seconds; the label is `To`. */
export function roundTripMetric(registry: MetricRegistry): HistogramFamily {
  return registry.histograms(
    "etcd_network_peer_round_trip_time_seconds",
    "Round trips between members.",
    ["To"],
    exponentialBounds(0.0001, 2, 16),
  );
}

export function snapshotMetrics(registry: MetricRegistry): SnapshotObserver {
  const direction = (verb: "send" | "receive", label: "To" | "From") => {
    const done = verb === "send" ? "sent to" : "received from";
    const counts = new Map<string, { success: number; failures: number }>();
    const durations = registry.histograms(
      `etcd_network_snapshot_${verb}_total_duration_seconds`,
      `Whole snapshots ${done} a member, in seconds.`,
      [label],
      exponentialBounds(0.1, 2, 10),
    );
    for (const how of ["success", "failures"] as const) {
      registry.counter(
        `etcd_network_snapshot_${verb}_${how}`,
        how === "success" ? `Snapshots ${done} a member.` : `Snapshots not wholly ${done} a member.`,
        () => [...counts].map(([peer, count]) => ({ labels: { [label]: peer }, value: count[how] })),
      );
    }
    return (peer: string, ok: boolean, seconds: number): void => {
      const count = counts.get(peer) ?? { success: 0, failures: 0 };
      counts.set(peer, count);
      count[ok ? "success" : "failures"]++;
      if (ok) durations.with(peer).observe(seconds);
    };
  };
  return { sent: direction("send", "To"), received: direction("receive", "From") };
}
