/** Who may come in at a server's gRPC front (api/v3/gate.ts). */

import type { Metadata } from "../api/transport/grpc-method.ts";
import { callerWithToken, type Gate } from "../api/v3/gate.ts";
import { KvError } from "../store/errors.ts";
import type { Caller } from "../store/kv.ts";

export class ServerGate implements Gate {
  readonly #hasLeader: () => boolean;

  constructor(modules: { hasLeader: () => boolean }) {
    this.#hasLeader = modules.hasLeader;
  }

  admit(_path: string, metadata: Metadata): Caller | Promise<Caller> {
    if (metadata.get("hasleader") === "true" && !this.#hasLeader()) throw new KvError("kv.no-leader");
    return callerWithToken(metadata);
  }
}
