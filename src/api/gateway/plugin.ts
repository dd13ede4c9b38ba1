/** The fastify plugins of the gateway: access rules for the whole HTTP side, and the calls under /v3 and its old names. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { Access } from "./access.ts";
import type { Gateway } from "./gateway.ts";
import { HttpCarrier } from "./http-carrier.ts";
import { prefixes, routeOf } from "./routes.ts";
import { errorBody } from "./status.ts";
import { WebSocketCalls } from "./web-socket.ts";

/** Silence of a connection after which TCP asks whether the client is there, as Go's servers do. */
const keepAliveMs = 15_000;

/** Register it on the root instance before every other plugin: its hook is meant for the whole port. */
export function accessPlugin(access: Access): FastifyPluginAsync {
  const plugin = async (app: FastifyInstance): Promise<void> => {
    app.addHook("onRequest", (request, reply, done) => {
      if (access.answered(request.raw, reply.raw)) reply.hijack();
      else done();
    });
  };
  // fastify reads this mark and does not encapsulate the plugin, so its hook holds for the root.
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true });
}

/**
 * Register it without a prefix. WebSockets need `shouldUpgradeCallback: isWebSocketUpgrade` at the http server: without it,
 * Node hands over requests that offer any other protocol, too, which must be answered as if they had not.
 */
export function gatewayPlugin(gateway: Gateway, access: Access): FastifyPluginAsync {
  return async (root) => {
    const sockets = new WebSocketCalls({ gateway, access });
    // A client that vanished without a word would otherwise keep its watch for good.
    root.server.on("connection", (socket) => socket.setKeepAlive(true, keepAliveMs));
    root.server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
    for (const prefix of prefixes) {
      await root.register(async (api) => calls(api, gateway), { prefix });
    }
  };
}

function calls(api: FastifyInstance, gateway: Gateway): void {
  // In a hook and not in the handler: fastify would look at the content type first, which etcd does not.
  api.addHook("onRequest", (request, reply) => {
    reply.hijack();
    serve(gateway, request.raw, reply.raw);
  });
  api.all("/*", (_request, reply) => reply.code(500).send());
}

function serve(gateway: Gateway, request: IncomingMessage, response: ServerResponse): void {
  const [path = ""] = (request.url ?? "").split("?", 1);
  const route = routeOf(path);
  if (route === undefined) {
    refuse(response, 404, GrpcCode.NOT_FOUND, "Not Found");
  } else if (request.method !== "POST") {
    response.setHeader("allow", "POST");
    refuse(response, 405, GrpcCode.UNIMPLEMENTED, "Method Not Allowed");
  } else {
    gateway.open(route, request.headers, new HttpCarrier(request, response));
  }
}

function refuse(response: ServerResponse, http: number, code: number, message: string): void {
  const body = errorBody({ code, message });
  response.writeHead(http, { "content-type": "application/json", "content-length": body.length }).end(body);
}
