/** Valid requests of the gateway that the fuzz test mutates, and how. Everything comes from a seed. */
import type { SeededRandom } from "../support/random.ts";

/** Path and body. None of them waits: streams end with what is appended to them. */
export const validBodies: readonly (readonly [path: string, body: string])[] = [
  ["/v3/kv/put", '{"key":"YQ==","value":"MQ==","lease":"0","prev_kv":true}'],
  [
    "/v3/kv/range",
    '{"key":"AA==","range_end":"AA==","limit":"10","sort_order":"DESCEND","sort_target":"MOD"}',
  ],
  ["/v3/kv/range", '{"key":"YQ==","revision":"2","min_mod_revision":1,"serializable":true}'],
  ["/v3/kv/deleterange", '{"key":"YQ==","range_end":"Yg==","prev_kv":true}'],
  [
    "/v3/kv/txn",
    '{"compare":[{"key":"YQ==","target":"CREATE","create_revision":"0"}],"success":[{"request_put":{"key":"YQ==","value":"MQ=="}}],"failure":[{"request_txn":{"success":[{"request_range":{"key":"YQ=="}},{"request_delete_range":{"key":"Yg=="}}]}}]}',
  ],
  ["/v3/kv/compaction", '{"revision":"1","physical":true}'],
  ["/v3/lease/grant", '{"TTL":"60","ID":"7587848392398127104"}'],
  ["/v3/lease/grant", '{"TTL":60,"ID":7587848392398127104}'],
  ["/v3/lease/timetolive", '{"ID":"7","keys":true}'],
  ["/v3/lease/keepalive", '{"ID":"7"}\n{"ID":8}'],
  [
    "/v3/watch",
    '{"create_request":{"key":"YQ==","filters":["NOPUT"],"watch_id":"5"}}\n{"progress_request":{}}',
  ],
  ["/v3/watch", '{"create_request":{"key":"YQ=="}}{"cancel_request":{"watch_id":"0"}}'],
  ["/v3/maintenance/snapshot", "{}"],
  ["/v3/auth/user/add", '{"name":"u\\u00e9","password":"p","options":{"no_password":true}}'],
  ["/v3/auth/role/grant", '{"name":"r","perm":{"permType":"READWRITE","key":"YQ==","range_end":"Yg=="}}'],
  ["/v3/cluster/member/add", '{"peerURLs":["http://127.0.0.1:1"],"isLearner":true}'],
  ["/v3/election/proclaim", '{"leader":{"name":"ZQ==","key":"ZS83","rev":"5","lease":"7"},"value":"MQ=="}'],
];

/** Texts that parsers stumble over. */
const awkward = [
  "null",
  "-0",
  "1e999",
  "-1",
  "9".repeat(400),
  "1.5",
  '""',
  '"\\ud800"',
  '"\\u0000"',
  "[]",
  "{}",
  '{"__proto__":1}',
  "true",
  "NaN",
  "[".repeat(300),
  '{"success":[{"request_txn":'.repeat(60),
  '"=="',
  "18446744073709551616",
  ",",
  "\n",
];

type Mutation = (body: Buffer, random: SeededRandom) => Buffer;

const mutations: readonly Mutation[] = [
  // One byte becomes another.
  (body, random) => {
    const changed = Buffer.from(body);
    changed[random.below(body.length)] = random.below(256);
    return changed;
  },
  // The body ends early.
  (body, random) => body.subarray(0, random.below(body.length)),
  // A part is lost.
  (body, random) => {
    const at = random.below(body.length);
    return Buffer.concat([body.subarray(0, at), body.subarray(at + 1 + random.below(8))]);
  },
  // A part comes twice.
  (body, random) => {
    const at = random.below(body.length);
    const part = body.subarray(at, at + 1 + random.below(20));
    return Buffer.concat([body.subarray(0, at), part, body.subarray(at)]);
  },
  // Something awkward is put in between.
  (body, random) => {
    const at = random.below(body.length);
    return Buffer.concat([body.subarray(0, at), Buffer.from(random.pick(awkward)), body.subarray(at)]);
  },
  // Something awkward takes the place of a value.
  (body, random) => {
    const values = [...body.toString("latin1").matchAll(/:("[^"]*"|\d+|true)/g)];
    if (values.length === 0) return body;
    const { index, 0: found } = random.pick(values);
    return Buffer.concat([
      body.subarray(0, index + 1),
      Buffer.from(random.pick(awkward)),
      body.subarray(index + found.length),
    ]);
  },
];

/** A body a few mutations away from a valid one; never empty. */
export function mutated(body: string, random: SeededRandom): Buffer {
  let bytes: Buffer = Buffer.from(body);
  for (let count = 1 + random.below(3); count > 0 && bytes.length > 0; count--) {
    bytes = random.pick(mutations)(bytes, random);
  }
  return bytes.length > 0 ? bytes : Buffer.from(" ");
}
