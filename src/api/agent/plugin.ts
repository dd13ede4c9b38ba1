/** The agent's own API, /argosy/v1: what the CLI needs beyond etcd's, fleet's and flannel's interfaces. */
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { KvClient } from "../../store/kv.ts";
import { replyWithError } from "./errors.ts";
import { readNetworkConfig, writeNetworkConfig } from "./network-config.ts";
import type { StatusSource } from "./status.ts";

export interface AgentApiOptions {
  /** Path of the overlay's keys, such as `/coreos.com/network`. */
  readonly networkPrefix: string;
}

export interface AgentApiModules {
  readonly kv: KvClient;
  readonly status: StatusSource;
}

/** How long a request may wait for the store before it is given up. */
const requestMs = 5_000;

/** Network configurations are a few hundred bytes. */
const configBytesMax = 64 * 1024;

/** The plugin; register it without a prefix. */
export function agentApi(options: AgentApiOptions, modules: AgentApiModules): FastifyPluginAsync {
  return async (root: FastifyInstance) => {
    await root.register(
      async (api) => {
        // The text is stored as it came, so it is read as text whatever the client calls it.
        api.removeAllContentTypeParsers();
        api.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));

        api.get("/status", async (request, reply) => {
          try {
            return reply.send(await modules.status.status(patience(request)));
          } catch (error) {
            return replyWithError(reply, error);
          }
        });

        api.get("/network/config", async (request, reply) => {
          try {
            const text = await readNetworkConfig(modules.kv, options.networkPrefix, patience(request));
            return reply.type("application/json").send(text);
          } catch (error) {
            return replyWithError(reply, error);
          }
        });

        api.put("/network/config", { bodyLimit: configBytesMax }, async (request, reply) => {
          try {
            const text = typeof request.body === "string" ? request.body : "";
            await writeNetworkConfig(modules.kv, options.networkPrefix, text, patience(request));
            return reply.code(204).send();
          } catch (error) {
            return replyWithError(reply, error);
          }
        });
      },
      { prefix: "/argosy/v1" },
    );
  };
}

/** Aborted when the client has gone, or has waited long enough. */
function patience(request: FastifyRequest): AbortSignal {
  const gone = new AbortController();
  request.raw.once("close", () => {
    if (request.raw.destroyed && !request.raw.complete) gone.abort();
  });
  return AbortSignal.any([gone.signal, AbortSignal.timeout(requestMs)]);
}
