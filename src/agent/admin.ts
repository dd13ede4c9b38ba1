/**
 * The admin rpcs of a server (store/admin.ts): a table of handlers, one file of which belongs to each subject (maintenance,
 * auth, membership). Here the headers get who answered, as Member does for KvClient.
 */
import type { AdminClient, AdminHandlers, AdminRequest, AdminResponse, AdminRpc } from "../store/admin.ts";
import { KvError } from "../store/errors.ts";
import type { CallOptions } from "../store/kv.ts";
import type { SnapshotResponse } from "../store/wire/admin-messages.ts";
import type { ResponseHeader } from "../store/wire/messages.ts";

export interface ServerAdminModules {
  readonly handlers: Partial<AdminHandlers>;
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
    const handler = this.#modules.handlers[name];
    if (!handler) throw new KvError("kv.unimplemented", `method ${name} not implemented`);
    const response = await handler(request, options);
    response.header = this.#modules.header(response.header?.revision);
    return response;
  }

  snapshot(options: CallOptions = {}): AsyncIterable<SnapshotResponse> {
    return this.#modules.snapshot(options);
  }
}
