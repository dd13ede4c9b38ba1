/** Counts what is applied, for the metrics (etcd.md section 16, rows 10, 20, 31 and 36). Fed by the state machine. */
import type { Histogram, HistogramFamily } from "../../api/ops/histogram.ts";
import type { Command, CommandKind } from "../../store/command.ts";
import type { LeaseGrantResponse, TxnRequest, TxnResponse } from "../../store/wire/messages.ts";
import type { Outcome } from "../pending.ts";

/** What the state machine tells. */
export interface ApplyObserver {
  applied(command: Command, outcome: Outcome): void;
  /** All that was applied since the last call took this long together. */
  batch(seconds: number): void;
}

/** etcd's `warning-apply-duration`. */
const slowBatchSeconds = 0.1;

/** etcd's names, where it has them. */
const operationNames: Readonly<Partial<Record<CommandKind, string>>> = {
  put: "Put",
  "delete-range": "DeleteRange",
  txn: "Txn",
  compact: "Compaction",
  "lease-grant": "LeaseGrant",
  "lease-revoke": "LeaseRevoke",
  "lease-expire": "LeaseRevoke",
  "lease-checkpoint": "LeaseCheckpoint",
  alarm: "Alarm",
};

export class ApplyMeter implements ApplyObserver {
  puts = 0;
  putBytes = 0;
  deletes = 0;
  ranges = 0;
  txns = 0;
  leasesGranted = 0;
  leasesRevoked = 0;
  leasesExpired = 0;
  slowBatches = 0;
  readonly #seconds: HistogramFamily;
  readonly #leaseTtlSeconds: Histogram;
  readonly #histograms = new Map<CommandKind, { readonly ok: Histogram; readonly failed: Histogram }>();
  readonly #batch: Histogram[] = [];

  constructor(modules: { applySeconds: HistogramFamily; leaseTtlSeconds: Histogram }) {
    this.#seconds = modules.applySeconds;
    this.#leaseTtlSeconds = modules.leaseTtlSeconds;
  }

  applied(command: Command, { response, error }: Outcome): void {
    const { ok, failed } = this.#histogramsOf(command.kind);
    this.#batch.push(error ? failed : ok);
    if (error) return;
    switch (command.kind) {
      case "put":
        this.#put(command.request);
        return;
      case "delete-range":
        this.deletes++;
        return;
      case "txn":
        this.#txn(command.request, response as TxnResponse);
        return;
      case "lease-grant":
        this.leasesGranted++;
        this.#leaseTtlSeconds.observe((response as LeaseGrantResponse).TTL);
        return;
      case "lease-revoke":
        this.leasesRevoked++;
        return;
      case "lease-expire":
        this.leasesRevoked += command.request.IDs.length;
        this.leasesExpired += command.request.IDs.length;
        return;
      default:
    }
  }

  batch(seconds: number): void {
    const each = seconds / this.#batch.length;
    for (const histogram of this.#batch) histogram.observe(each);
    this.#batch.length = 0;
    if (seconds > slowBatchSeconds) this.slowBatches++;
  }

  #put({ key, value }: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    this.puts++;
    this.putBytes += key.length + value.length;
  }

  /** Counts the branch that was run, and what is nested in it. */
  #txn(request: TxnRequest, response: TxnResponse): void {
    this.txns++;
    const operations = response.succeeded ? request.success : request.failure;
    for (const [i, operation] of operations.entries()) {
      if (operation.request_put) this.#put(operation.request_put);
      else if (operation.request_delete_range) this.deletes++;
      else if (operation.request_range) this.ranges++;
      else if (operation.request_txn) {
        const nested = response.responses[i]?.response_txn;
        if (nested) this.#txn(operation.request_txn, nested);
      }
    }
  }

  #histogramsOf(kind: CommandKind): { readonly ok: Histogram; readonly failed: Histogram } {
    let histograms = this.#histograms.get(kind);
    if (histograms === undefined) {
      const name = operationNames[kind] ?? kind;
      const of = (success: string): Histogram => this.#seconds.with("v3", name, success);
      histograms = { ok: of("true"), failed: of("false") };
      this.#histograms.set(kind, histograms);
    }
    return histograms;
  }
}
