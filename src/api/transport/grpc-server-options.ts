/** What an operator may set of the gRPC server (etcd.md 15.1): the flags --grpc-keepalive-* and --max-concurrent-streams. */

export interface GrpcServerOptions {
  /** Clients may not ping more often than this; those who do anyway are sent away. */
  readonly keepaliveMinTimeMs: number;
  /** A connection that was silent this long is asked whether its client is still there. */
  readonly keepaliveIntervalMs: number;
  /** And closed when nothing comes within this. */
  readonly keepaliveTimeoutMs: number;
  /** Calls that one connection may have open at a time. */
  readonly streamsMax: number;
}

/** etcd's, but for the number of streams: it takes 2^32-1; ours bounds what a connection can cost, and is more than a client has calls. */
export const grpcServerDefaults: GrpcServerOptions = {
  keepaliveMinTimeMs: 5_000,
  keepaliveIntervalMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
  streamsMax: 65_536,
};
