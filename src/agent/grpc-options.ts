/** The flags of the gRPC server (etcd.md 15.1, 15.2): keepalive and the number of streams. */
import { type GrpcServerOptions, grpcServerDefaults } from "../api/transport/grpc-server-options.ts";
import { duration, integer, type RunFlags } from "./config.ts";

const hourMs = 3_600_000;
const uint32Max = 2 ** 32 - 1;

/** Throws ConfigError. A number of streams beyond what one connection may cost counts as that. */
export function parseGrpc(flags: RunFlags): GrpcServerOptions {
  const { keepaliveMinTimeMs, keepaliveIntervalMs, keepaliveTimeoutMs, streamsMax } = grpcServerDefaults;
  const range = { min: 0, max: 24 * hourMs };
  // A second at least, so that a mistaken unit does not make us ping without end.
  const patient = { min: 1000, max: 24 * hourMs };
  // "0 to disable", says etcd, and leaves grpc-go's own in force, which are the same two hours and twenty seconds.
  const patience = (flag: string, fallback: number): number =>
    /^0(?:ms|s|m|h)?$/.test(flags[flag] ?? "") ? fallback : duration(flags, flag, fallback, patient);
  const streams = integer(flags, "max-concurrent-streams", uint32Max, { min: 1, max: uint32Max });
  return {
    keepaliveMinTimeMs: duration(flags, "grpc-keepalive-min-time", keepaliveMinTimeMs, range),
    keepaliveIntervalMs: patience("grpc-keepalive-interval", keepaliveIntervalMs),
    keepaliveTimeoutMs: patience("grpc-keepalive-timeout", keepaliveTimeoutMs),
    streamsMax: Math.min(streams, streamsMax),
  };
}
