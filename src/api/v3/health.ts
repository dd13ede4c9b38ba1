/**
 * grpc.health.v1.Health (etcd.md section 1), as grpc-go's own health server behaves: Check of an unknown name is NotFound, Watch of
 * one says SERVICE_UNKNOWN and stays, and once the server shuts down everything is NOT_SERVING for good.
 */
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListRequest,
  HealthListResponse,
  ServingStatus,
} from "../../store/wire/messages.ts";
import { GrpcError } from "../transport/errors.ts";
import type { GrpcMethod, GrpcStream } from "../transport/grpc-method.ts";
import { noMessage } from "../transport/refusals.ts";
import type { Gate } from "./gate.ts";
import { admitted } from "./stream.ts";
import { decodeStreamed, streamStatus, unary } from "./unary.ts";

/** Metadata by which a client says who it is. */
const credentials = ["token", "authorization"];

/** The status of each service by name; "" is the server as a whole, and serves from the start. */
export class Health {
  readonly #statuses = new Map<string, number>([["", ServingStatus.SERVING]]);
  readonly #watching = new Map<GrpcStream, { readonly service: string; told: number }>();
  #closing = false;

  /** One of ServingStatus. Watchers hear of a change; after `shutdown` nothing changes any more. */
  set(service: string, status: number): void {
    if (this.#closing) return;
    this.#statuses.set(service, status);
    for (const [stream, watcher] of this.#watching) if (watcher.service === service) this.#tell(stream);
  }

  /** For clients that look for another server as soon as they hear it, before their calls are ended. */
  shutdown(): void {
    for (const service of this.#statuses.keys()) this.set(service, ServingStatus.NOT_SERVING);
    this.#closing = true;
  }

  /** Behind the gate, as every rpc of etcd's server: a learner does not answer, nor one without a leader where that is asked. */
  methods(gate: Gate): [string, GrpcMethod][] {
    const open = withoutCredentials(gate);
    return [
      [
        "/grpc.health.v1.Health/Check",
        unary(HealthCheckRequest, HealthCheckResponse, open, async ({ service }) => this.#check(service)),
      ],
      [
        "/grpc.health.v1.Health/List",
        unary(HealthListRequest, HealthListResponse, open, async () => this.#list()),
      ],
      ["/grpc.health.v1.Health/Watch", admitted("server_stream", open, (stream) => this.#watch(stream))],
    ];
  }

  #check(service: string): HealthCheckResponse {
    const status = this.#statuses.get(service);
    if (status === undefined) throw new GrpcError(GrpcCode.NOT_FOUND, "unknown service");
    return { status };
  }

  #list(): HealthListResponse {
    return { statuses: [...this.#statuses].map(([key, status]) => ({ key, value: { status } })) };
  }

  #watch(stream: GrpcStream): void {
    const { onDone } = stream;
    stream.onDone = () => {
      onDone?.();
      this.#watching.delete(stream);
    };
    stream.onHalfClose = () => {
      if (!this.#watching.has(stream)) stream.end(noMessage);
    };
    stream.onMessage = (message) => {
      if (this.#watching.has(stream)) return;
      try {
        const { service } = decodeStreamed(HealthCheckRequest, message);
        this.#watching.set(stream, { service, told: -1 });
        this.#tell(stream);
      } catch (error) {
        stream.end(streamStatus(error));
      }
    };
  }

  #tell(stream: GrpcStream): void {
    const watcher = this.#watching.get(stream)!;
    const status = this.#statuses.get(watcher.service) ?? ServingStatus.SERVICE_UNKNOWN;
    if (status === watcher.told) return;
    watcher.told = status;
    stream.write(HealthCheckResponse.encode({ status }));
  }
}

/** Nobody is identified here: etcd looks at tokens inside its own services only, so a bad one does no harm. */
function withoutCredentials(gate: Gate): Gate {
  return {
    ...(gate.untilLeaderLost ? { untilLeaderLost: gate.untilLeaderLost.bind(gate) } : {}),
    admit: (path, metadata) =>
      gate.admit(path, { get: (name) => (credentials.includes(name) ? undefined : metadata.get(name)) }),
  };
}
