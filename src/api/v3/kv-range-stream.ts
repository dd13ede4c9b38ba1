/** KV.RangeStream (etcd.md 4.3): the answer of a range in pieces; header, more and count come with the last one. */
import type { KvClient } from "../../store/kv.ts";
import { RangeRequest, RangeStreamResponse } from "../../store/wire/messages.ts";
import type { StreamMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { answerWithStream } from "./stream.ts";

export function kvRangeStream(kv: KvClient, gate: Gate): StreamMethod {
  return answerWithStream(RangeRequest, RangeStreamResponse, gate, async function* (request, options) {
    for await (const range_response of kv.rangeStream(request, options)) yield { range_response };
  });
}
