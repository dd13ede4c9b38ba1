/** What the listener needs of a gRPC implementation. `direct-grpc-server.ts` is the one. */
import type { Socket } from "node:net";

export interface GrpcServer {
  /** Takes over a connection whose first bytes (the HTTP/2 preface, unshifted) are still to be read. */
  accept(socket: Socket): void;
  /** Number of open connections. */
  readonly connections: number;
  /**
   * Takes no new call, ends streaming calls with Unavailable "etcdserver: server stopped", lets unary calls finish. Resolves
   * when every connection is closed; `force` closes what is left.
   */
  close(): Promise<void>;
  force(): void;
}
