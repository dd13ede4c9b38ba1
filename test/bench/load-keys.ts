/**
 * Fills a store with many keys, forty to a transaction, in an order that is not that of the keys; then counts them. Prints
 * one JSON line. Works against any etcd v3 server on loopback.
 *
 *   node test/bench/load-keys.ts --endpoint 127.0.0.1:2379 --keys 1000000
 */
import { parseArgs } from "node:util";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { RangeRequest, RangeResponse, TxnRequest } from "../../src/store/wire/messages.ts";
import { LoadConnection } from "./http2-load-connection.ts";

const { values } = parseArgs({
  options: {
    endpoint: { type: "string", default: "127.0.0.1:2379" },
    keys: { type: "string", default: "1000000" },
    "value-bytes": { type: "string", default: "256" },
    /** Only ask: the keys are there. */
    ask: { type: "boolean", default: false },
  },
});
const { hostname, port } = new URL(`http://${values.endpoint}`);
const [keys, valueBytes] = [Number(values.keys), Number(values["value-bytes"])];
/** What the connection sends in one frame. */
const perTxn = 40;
const inProgressMax = 16;
/** Prime to every power of ten, so that each key comes once. */
const stride = 7919;

const keyOf = (i: number): Buffer =>
  Buffer.from(`/bench/keys/${String((i * stride) % keys).padStart(8, "0")}`);

function open(path: string): Promise<LoadConnection> {
  return LoadConnection.open(hostname, Number(port), path);
}

async function fill(): Promise<void> {
  const connection = await open("/etcdserverpb.KV/Txn");
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < keys) {
      const from = next;
      next += perTxn;
      const success = Array.from({ length: perTxn }, (_, i) => ({
        request_put: { key: keyOf(from + i), value: Buffer.alloc(valueBytes, from + i) },
      }));
      const message = grpcFrame(TxnRequest.encode({ success }));
      await new Promise<void>((resolve, reject) =>
        connection.call(message, (ok) => (ok ? resolve() : reject(new Error("a transaction failed")))),
      );
    }
  };
  await Promise.all(Array.from({ length: inProgressMax }, client));
  connection.close();
}

async function ask(request: Parameters<typeof RangeRequest.encode>[0]): Promise<RangeResponse> {
  const connection = await open("/etcdserverpb.KV/Range");
  const message = grpcFrame(RangeRequest.encode(request));
  const answer = await new Promise<Buffer>((resolve, reject) =>
    connection.call(message, (ok, bytes) => (ok && bytes ? resolve(bytes) : reject(new Error("no answer")))),
  );
  connection.close();
  return RangeResponse.decode(answer);
}

const startedMs = performance.now();
if (!values.ask) await fill();
const fillMs = performance.now() - startedMs;
const all = { key: Buffer.from("/bench/keys/"), range_end: Buffer.from("/bench/keys0") };
const countedMs = performance.now();
const { count } = await ask({ ...all, count_only: true });
console.log(JSON.stringify({ count, fillMs, countMs: performance.now() - countedMs }));
