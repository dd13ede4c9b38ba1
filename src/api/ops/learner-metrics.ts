/** Counters of promotions of learners, at the leader (etcd.md section 16, row 21). */
import type { KvErrorCode } from "../../store/errors.ts";
import { statusTable } from "../../store/wire/status.ts";
import type { MetricRegistry } from "./metric-registry.ts";

/** Told how a request to promote a learner ended: null is well. */
export type PromotionObserver = (refusal: KvErrorCode | null) => void;

export function learnerMetrics(registry: MetricRegistry): PromotionObserver {
  let successes = 0;
  const failures = new Map<KvErrorCode, number>();
  const name = "etcd_server_learner_promote_";
  registry.counter(`${name}successes`, "Learners promoted by this leader.", () => successes);
  registry.counter(`${name}failures`, "Learners that this leader did not promote, by reason.", () =>
    [...failures].map(([code, value]) => ({ labels: { Reason: statusTable[code].text ?? code }, value })),
  );
  return (refusal) => {
    if (refusal === null) successes++;
    else failures.set(refusal, (failures.get(refusal) ?? 0) + 1);
  };
}
