/**
 * The admin rpcs of a server (store/admin.ts): a table of handlers, one file of which belongs to each subject (maintenance,
 * auth, membership). Here the headers get who answered, as Member does for KvClient.
 */
import {
  type AdminClient,
  type AdminHandlers,
  type AdminRequest,
  type AdminResponse,
  type AdminRpc,
  adminRpcs,
} from "../store/admin.ts";
import { KvError } from "../store/errors.ts";
import type { CallOptions } from "../store/kv.ts";
import type { SnapshotResponse } from "../store/wire/admin-messages.ts";
import type { ResponseHeader } from "../store/wire/messages.ts";

export interface ServerAdminModules {
  readonly handlers: Partial<AdminHandlers>;
  /** Rejects with the KvError of a caller that may not (agent/auth); null at once for one that may. Absent: all may. */
  readonly authorize?: <Name extends AdminRpc>(
    name: Name,
    request: AdminRequest<Name>,
    options: CallOptions,
  ) => Promise<void> | null;
  /** The same for what only root may and is no rpc of the table. */
  readonly authorizeRoot?: (options: CallOptions) => Promise<void> | null;
  readonly snapshot: (options: CallOptions) => AsyncIterable<SnapshotResponse>;
  /** A whole header: `revision` as the handler said, or the current one. */
  readonly header: (revision: number | undefined) => ResponseHeader;
}

export class ServerAdmin implements AdminClient {
  readonly #modules: ServerAdminModules;

  constructor(modules: ServerAdminModules) {
    this.#modules = modules;
  }

  async call<Name extends AdminRpc>(
    name: Name,
    request: AdminRequest<Name>,
    options: CallOptions = {},
  ): Promise<AdminResponse<Name>> {
    await this.#modules.authorize?.(name, request, options);
    const handler = this.#modules.handlers[name];
    if (!handler) throw new KvError("kv.unimplemented", `method ${name} not implemented`);
    const response = await handler(request, options);
    response.header = this.#modules.header(response.header?.revision);
    // Of the cluster service no answer carries a revision (etcd.md 3, response header rule).
    if (adminRpcs[name].service === "Cluster") response.header.revision = 0;
    return response;
  }

  async *snapshot(options: CallOptions = {}): AsyncIterable<SnapshotResponse> {
    await this.#modules.authorizeRoot?.(options);
    yield* this.#modules.snapshot(options);
  }
}
