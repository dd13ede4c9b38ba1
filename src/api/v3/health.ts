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
import { decodeRequest, streamStatus } from "./unary.ts";

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

  methods(): [string, GrpcMethod][] {
    return [
      [
        "/grpc.health.v1.Health/Check",
        { kind: "unary", handle: async ({ message }) => this.#check(message) },
      ],
      ["/grpc.health.v1.Health/List", { kind: "unary", handle: async ({ message }) => this.#list(message) }],
      ["/grpc.health.v1.Health/Watch", { kind: "server_stream", handle: (stream) => this.#watch(stream) }],
    ];
  }

  #check(message: Uint8Array): Uint8Array {
    const { service } = decodeRequest(HealthCheckRequest, message);
    const status = this.#statuses.get(service);
    if (status === undefined) throw new GrpcError(GrpcCode.NOT_FOUND, "unknown service");
    return HealthCheckResponse.encode({ status });
  }

  #list(message: Uint8Array): Uint8Array {
    decodeRequest(HealthListRequest, message);
    const statuses = [...this.#statuses].map(([key, status]) => ({ key, value: { status } }));
    return HealthListResponse.encode({ statuses });
  }

  #watch(stream: GrpcStream): void {
    stream.onDone = () => this.#watching.delete(stream);
    stream.onHalfClose = () => {
      if (!this.#watching.has(stream)) {
        stream.end({ code: GrpcCode.INTERNAL, message: "the request message is missing" });
      }
    };
    stream.onMessage = (message) => {
      if (this.#watching.has(stream)) return;
      try {
        const { service } = decodeRequest(HealthCheckRequest, message);
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
