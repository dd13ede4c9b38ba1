/** A whole client port over given methods, with the gateway, on a free loopback port. */
import fastify from "fastify";
import type { Test } from "tap";
import { Access, type AccessOptions } from "../../../../src/api/gateway/access.ts";
import { Gateway } from "../../../../src/api/gateway/gateway.ts";
import { accessPlugin, gatewayPlugin } from "../../../../src/api/gateway/plugin.ts";
import { isWebSocketUpgrade } from "../../../../src/api/gateway/web-socket.ts";
import { ClientListener } from "../../../../src/api/listener.ts";
import { DirectGrpcServer } from "../../../../src/api/transport/direct-grpc-server.ts";
import type { GrpcMethod, GrpcObserver } from "../../../../src/api/transport/grpc-method.ts";
import { silent } from "../../../../src/base/ports.ts";
import { systemClock } from "../../../compat/clock.ts";

export interface GatewayPort {
  readonly endpoint: string;
  /** What the observer was told, in order. */
  readonly observed: string[];
  close(): Promise<void>;
}

export async function openGateway(
  t: Test,
  methods: Readonly<Record<string, GrpcMethod>>,
  options: { receiveBytesMax?: number; access?: AccessOptions } = {},
): Promise<GatewayPort> {
  const observed: string[] = [];
  const observer: GrpcObserver = {
    started: () => observed.push("started"),
    received: () => void observed.push("received"),
    sent: () => void observed.push("sent"),
    handled: (_path, code) => void observed.push(`handled ${code}`),
  };
  const table = new Map(Object.entries(methods));
  const access = new Access(options.access ?? { cors: [], hostWhitelist: [] });
  const gateway = new Gateway(
    { methods: table, ...(options.receiveBytesMax ? { receiveBytesMax: options.receiveBytesMax } : {}) },
    { clock: systemClock, logger: silent, observer },
  );
  const http = fastify({ http: { shouldUpgradeCallback: isWebSocketUpgrade } });
  await http.register(accessPlugin(access));
  await http.register(gatewayPlugin(gateway, access));
  http.get("/version", () => ({ here: true }));
  await http.ready();
  const modules = { clock: systemClock, logger: silent };
  const listener = new ClientListener(
    { listen: [{ host: "127.0.0.1", port: 0 }] },
    {
      grpc: new DirectGrpcServer({ methods: table }, modules),
      http: http.server,
      streams: gateway,
      ...modules,
    },
  );
  await listener.listen();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= listener.close(200));
  t.teardown(close);
  return { endpoint: `127.0.0.1:${listener.addresses[0]!.port}`, observed, close };
}
