/** grpc.health.v1 as grpc-go's health server answers it. */
import { test } from "tap";
import type {
  GrpcMethod,
  GrpcStream,
  StreamMethod,
  UnaryMethod,
} from "../../../src/api/transport/grpc-method.ts";
import { anonymous, type Gate } from "../../../src/api/v3/gate.ts";
import { Health } from "../../../src/api/v3/health.ts";
import { KvError } from "../../../src/store/errors.ts";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListResponse,
  ServingStatus,
} from "../../../src/store/wire/messages.ts";
import type { GrpcStatus } from "../../../src/store/wire/status.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

const anybody: Gate = { admit: () => anonymous };

function client(health: Health, gate: Gate = anybody, metadata: Readonly<Record<string, string>> = {}) {
  const methods = new Map<string, GrpcMethod>(health.methods(gate));
  const ask = (name: string, message: Uint8Array) =>
    (methods.get(`/grpc.health.v1.Health/${name}`) as UnaryMethod).handle({
      path: `/grpc.health.v1.Health/${name}`,
      message,
      metadata: { get: (field) => metadata[field] },
      signal: new AbortController().signal,
    });
  return {
    check: async (service: string) =>
      HealthCheckResponse.decode(await ask("Check", HealthCheckRequest.encode({ service }))).status,
    list: async () => HealthListResponse.decode(await ask("List", Buffer.alloc(0))).statuses,
    watch(service: string) {
      const told: number[] = [];
      const ended: number[] = [];
      const stream = {
        path: "/grpc.health.v1.Health/Watch",
        metadata: { get: (field: string) => metadata[field] },
        signal: new AbortController().signal,
        write: (message: Uint8Array) => told.push(HealthCheckResponse.decode(message).status) > 0,
        end: ({ code }: GrpcStatus) => {
          ended.push(code);
          stream.onDone?.();
        },
      } as unknown as GrpcStream;
      (methods.get("/grpc.health.v1.Health/Watch") as StreamMethod).handle(stream);
      stream.onMessage?.(HealthCheckRequest.encode({ service }));
      return { told, ended, end: () => stream.end({ code: 0, message: "" }) };
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

test("a learner does not answer", async (t) => {
  const learner: Gate = {
    admit() {
      throw new KvError("kv.learner-unsupported");
    },
  };
  const { check, list, watch } = client(new Health(), learner);
  const refused = { message: "etcdserver: rpc not supported for learner" };
  await t.rejects(check(""), refused);
  await t.rejects(list(), refused);
  const { told, ended } = watch("");
  t.strictSame([told, ended.length], [[], 1]);
});

test("who calls is not asked; whether there is a leader is, where the caller wants one", async (t) => {
  let lose = (): void => {};
  let watched = 0;
  const gate: Gate = {
    admit(_path, metadata) {
      if (metadata.get("token") ?? metadata.get("authorization")) throw new KvError("auth.invalid-token");
      return anonymous;
    },
    untilLeaderLost(_metadata, lost) {
      watched++;
      lose = lost;
      return () => watched--;
    },
  };
  const { check, watch } = client(new Health(), gate, { token: "stale", authorization: "Bearer stale" });
  t.equal(await check(""), SERVING);
  const { told, ended } = watch("");
  t.strictSame(told, [SERVING]);
  t.equal(watched, 1);
  lose();
  t.strictSame([ended, watched], [[14], 0], "and nothing is left behind");
});
