/**
 * Reads of the local state that may be wide: in slices (slices.ts), as objects, as encoded bytes, or piece by piece. The
 * answers are those of the moment of the call. A get of one key takes none of this way.
 */
import type { CallOptions } from "../store/kv.ts";
import { isSmall } from "../store/mvcc/range.ts";
import type { Store } from "../store/store.ts";
import * as wire from "../store/wire/messages.ts";
import type { Slices } from "./slices.ts";

export interface ReadsModules {
  readonly store: Store;
  readonly slices: Slices;
  /** A whole header: `revision` as the answer was computed at. */
  readonly header: (revision: number | undefined) => wire.ResponseHeader;
}

export class Reads {
  readonly #modules: ReadsModules;

  constructor(modules: ReadsModules) {
    this.#modules = modules;
  }

  /** Throws KvError. The caller fills in the header's other fields. */
  range(
    request: wire.RangeRequest,
    { signal }: CallOptions,
  ): wire.RangeResponse | Promise<wire.RangeResponse> {
    const { store, slices } = this.#modules;
    return isSmall(request) ? store.range(request) : slices.run(store.rangeSteps(request), signal);
  }

  txn(request: wire.TxnRequest, { signal }: CallOptions): Promise<wire.TxnResponse> {
    const { store, slices } = this.#modules;
    return slices.run(store.readTxnSteps(request), signal);
  }

  /** Pieces of an encoded answer, header included. */
  async encoded(request: wire.RangeRequest, { signal }: CallOptions): Promise<readonly Uint8Array[]> {
    const { store, slices, header } = this.#modules;
    if (isSmall(request)) {
      const response = store.range(request);
      return [wire.RangeResponse.encode({ ...response, header: header(response.header?.revision) })];
    }
    const range = await slices.run(store.encodedRangeSteps(request), signal);
    const head = wire.RangeResponse.encode({ header: header(range.header.revision) });
    const { more, count } = range;
    if (range.kvs.length > 1) return [head, ...range.kvs, wire.RangeResponse.encode({ more, count })];
    // Small after all: one piece is one frame.
    return [Buffer.concat([head, ...range.kvs, wire.RangeResponse.encode({ more, count })])];
  }

  /** The answer piece by piece, as it is asked for; only the last has a header. */
  async *pieces(request: wire.RangeRequest, { signal }: CallOptions): AsyncGenerator<wire.RangeResponse> {
    const { store, slices, header } = this.#modules;
    const pieces = store.rangePieces(request);
    try {
      for (let turn: "now" | "queued" = "now"; ; turn = "queued") {
        const { done, value } = await slices.next(pieces, { signal, turn });
        yield done ? { ...value, header: header(value.header?.revision) } : value;
        if (done) return;
      }
    } finally {
      pieces.return(wire.RangeResponse.create());
    }
  }
}
