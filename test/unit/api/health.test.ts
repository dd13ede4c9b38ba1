/** grpc.health.v1 as grpc-go's health server answers it. */
import { test } from "tap";
import type {
  GrpcMethod,
  GrpcStream,
  StreamMethod,
  UnaryMethod,
} from "../../../src/api/transport/grpc-method.ts";
import { Health } from "../../../src/api/v3/health.ts";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListResponse,
  ServingStatus,
} from "../../../src/store/wire/messages.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

function client(health: Health) {
  const methods = new Map<string, GrpcMethod>(health.methods());
  const ask = (name: string, message: Uint8Array) =>
    (methods.get(`/grpc.health.v1.Health/${name}`) as UnaryMethod).handle({
      path: "",
      message,
      metadata: { get: () => undefined },
      signal: new AbortController().signal,
    });
  return {
    check: async (service: string) =>
      HealthCheckResponse.decode(await ask("Check", HealthCheckRequest.encode({ service }))).status,
    list: async () => HealthListResponse.decode(await ask("List", Buffer.alloc(0))).statuses,
    watch(service: string) {
      const told: number[] = [];
      const stream = {
        signal: new AbortController().signal,
        write: (message: Uint8Array) => told.push(HealthCheckResponse.decode(message).status) > 0,
        end: () => stream.onDone?.(),
      } as unknown as GrpcStream;
      (methods.get("/grpc.health.v1.Health/Watch") as StreamMethod).handle(stream);
      stream.onMessage(HealthCheckRequest.encode({ service }));
      return { told, end: () => stream.end({ code: 0, message: "" }) };
    },
  };
}

test("Check, List and Watch, until the server shuts down", async (t) => {
  const health = new Health();
  const { check, list, watch } = client(health);
  t.equal(await check(""), SERVING);
  await t.rejects(check("etcdserverpb.KV"), { message: "unknown service", detail: { status: 5 } });
  t.strictSame(
    (await list()).map(({ key, value }) => [key, value?.status]),
    [["", SERVING]],
  );
  const [all, unknown, gone] = [watch(""), watch("later"), watch("")];
  t.strictSame(unknown.told, [SERVICE_UNKNOWN]);
  gone.end();
  health.set("later", SERVING);
  health.set("later", SERVING);
  health.shutdown();
  health.set("", SERVING);
  t.strictSame(all.told, [SERVING, NOT_SERVING]);
  t.strictSame(unknown.told, [SERVICE_UNKNOWN, SERVING, NOT_SERVING]);
  t.strictSame(gone.told, [SERVING]);
  t.equal(await check(""), NOT_SERVING);
});
