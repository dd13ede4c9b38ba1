/**
 * What is asked of the JSON gateway, of Debian's etcd 3.4 and of us alike, in this order on a fresh store. Bodies are compared
 * byte for byte, except that ids of cluster, member and term are left out. Where we differ on purpose, the step says why, and
 * the test fails if the difference has gone.
 */

export interface Step {
  readonly path: string;
  readonly body: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends the token of the last successful `/auth/authenticate`, in this header. */
  readonly token?: "Authorization" | "Grpc-Metadata-Token";
  /**
   * exact: status, content type and body. status: status and gRPC code; the text is ours. keys: status and the names in the
   * body, in order; the values belong to the server. lines: the first lines of a stream that does not end by itself.
   */
  readonly compare?: "exact" | "status" | "keys" | { readonly lines: number };
  readonly difference?: string;
}

const a = "YQ==";
const fieldNamed = "our texts name the field, etcd's name Go types";
const laxer = "proto3 JSON as of etcd 3.5 (etcd.md 12.2): 3.4 takes neither URL-safe nor unpadded base64";
const since35 = "FailedPrecondition is HTTP 400 from 3.5 on (etcd.md 12.5), 412 before";
const watchA = '{"create_request":{"key":"YQ==","start_revision":"2"}}';

export const steps: readonly Step[] = [
  // KV
  { path: "/v3/kv/put", body: `{"key":"${a}","value":"MQ=="}` },
  { path: "/v3/kv/put", body: `{"key":"${a}","value":"Mg==","prev_kv":true}` },
  { path: "/v3/kv/put", body: `{"key":"Yg==","prevKv":true,"value":""}` },
  { path: "/v3beta/kv/range", body: `{"key":"${a}"}` },
  { path: "/v3/kv/range", body: `{"key":"AA==","range_end":"AA=="}` },
  { path: "/v3/kv/range", body: `{"key":"AA==","rangeEnd":"AA==","limit":1,"sortOrder":"DESCEND"}` },
  { path: "/v3/kv/range", body: `{"key":"AA==","rangeEnd":"AA==","sort_order":2,"sort_target":"MOD"}` },
  { path: "/v3/kv/range", body: `{"key":"AA==","rangeEnd":"AA==","count_only":true}` },
  { path: "/v3/kv/range", body: `{"key":"AA==","rangeEnd":"AA==","keysOnly":true,"serializable":true}` },
  { path: "/v3/kv/range", body: `{"key":"${a}","revision":"2"}` },
  { path: "/v3/kv/range", body: `{"key":"bm9uZQ=="}` },
  { path: "/v3/kv/range", body: `{"key":"${a}","bogus":{"a":[1,"x"]}}` },
  { path: "/v3/kv/range", body: `{"key":"${a}","key":"bm9uZQ=="}` },
  { path: "/v3/kv/range", body: `{"key":"${a}"} trailing` },
  { path: "/v3/kv/range", body: `{"key":"${a}"}{"key":"Yg=="}` },
  { path: "/v3/kv/range", body: ` \n{"key":"${a}"}` },
  { path: "/v3/kv/range?key=x", body: `{"key":"${a}"}`, headers: { "content-type": "application/json" } },
  {
    path: "/v3/kv/txn",
    body: `{"compare":[{"key":"${a}","target":"CREATE","create_revision":"0"}],"success":[{"request_put":{"key":"${a}","value":"MQ=="}}],"failure":[{"request_range":{"key":"${a}"}}]}`,
  },
  {
    path: "/v3/kv/txn",
    body: `{"compare":[{"key":"${a}","result":"EQUAL","target":"VALUE","value":"Mg=="}],"success":[{"requestPut":{"key":"Yw==","value":"MQ=="}},{"request_range":{"key":"Yw=="}},{"request_delete_range":{"key":"Yw==","prev_kv":true}},{"request_txn":{"success":[{"request_put":{"key":"ZA=="}}]}}]}`,
  },
  { path: "/v3/kv/txn", body: "{}" },
  { path: "/v3/kv/deleterange", body: `{"key":"ZA==","prev_kv":true}` },
  { path: "/v3/kv/deleterange", body: `{"key":"bm9uZQ=="}` },
  // Errors of the store
  { path: "/v3/kv/range", body: "" },
  { path: "/v3/kv/range", body: "null" },
  { path: "/v3/kv/range", body: '{"key":null}' },
  { path: "/v3/kv/put", body: `{"key":"${a}","ignore_value":true,"value":"MQ=="}` },
  { path: "/v3/kv/put", body: `{"key":"${a}","lease":"99"}` },
  { path: "/v3/kv/range", body: `{"key":"${a}","revision":"1000"}` },
  { path: "/v3/kv/txn", body: '{"success":[{}]}' },
  {
    path: "/v3/kv/txn",
    body: `{"success":[{"request_put":{"key":"${a}"}},{"request_put":{"key":"${a}"}}]}`,
  },
  {
    path: "/v3/kv/txn",
    body: `{"success":[{"request_delete_range":{"key":"eHg="},"request_range":{"key":"${a}"}}]}`,
    difference: "two members of a oneof are refused, as etcd 3.6 does; 3.4 takes either",
  },
  {
    path: "/v3/kv/range",
    body: `{"key":"${a}","sort_order":77}`,
    difference: "an unknown sort order is `invalid sort option` (etcd.md 11), which 3.4 did not check",
  },
  // What is not the message, or no JSON
  { path: "/v3/kv/range", body: '{"key":5}', compare: "status" },
  { path: "/v3/kv/range", body: '{"key":"Y"}', compare: "status" },
  { path: "/v3/kv/range", body: '{"key":"Y!=="}', compare: "status" },
  { path: "/v3/kv/range", body: `{"key":"${a}"`, difference: fieldNamed },
  { path: "/v3/kv/range", body: `{"key":"${a}","limit":"x"}`, compare: "status" },
  { path: "/v3/kv/range", body: `{"key":"${a}","limit":1.5}`, compare: "status" },
  { path: "/v3/kv/range", body: `{"key":"${a}","sort_order":"FOO"}`, compare: "status" },
  { path: "/v3/kv/range", body: `{"key":"${a}","serializable":"true"}`, compare: "status" },
  { path: "/v3/kv/range", body: "[]", compare: "status" },
  { path: "/v3/kv/range", body: "5", compare: "status" },
  { path: "/v3/kv/range", body: '"x"', compare: "status" },
  { path: "/v3/kv/range", body: "{key:1}", compare: "status" },
  { path: "/v3/kv/txn", body: '{"success":{}}', compare: "status" },
  { path: "/v3/kv/range", body: '{"key":"YQ"}', difference: laxer },
  { path: "/v3/kv/range", body: '{"key":"_-8="}', difference: laxer },
  {
    path: "/v3/kv/range",
    body: `{"key":"${a}","limit":1e2}`,
    difference: "`1e2` is an integer for proto3 JSON",
  },
  // Paths and methods
  { path: "/v3/nope", body: "{}", difference: "a JSON body, as later releases write; 3.4 writes text" },
  { path: "/v3/kv/range", body: "", method: "GET", difference: "a JSON body, as later releases write" },
  { path: "/v3/kv/range", body: "", method: "OPTIONS" },
  { path: "/v3alpha/kv/range", body: `{"key":"${a}"}`, difference: "3.4 has no /v3alpha, 3.0 to 3.3 had" },
  // Lease
  { path: "/v3/lease/grant", body: '{"TTL":"100","ID":"7"}' },
  { path: "/v3/lease/grant", body: '{"TTL":100,"ID":7587848392398127104}' },
  { path: "/v3/lease/grant", body: '{"TTL":"1","ID":"8"}' },
  { path: "/v3/lease/grant", body: '{"TTL":"1","ID":"7"}', difference: since35 },
  { path: "/v3/lease/grant", body: '{"TTL":"9000000001"}' },
  { path: "/v3/kv/put", body: `{"key":"bA==","value":"MQ==","lease":7587848392398127104}` },
  { path: "/v3/kv/range", body: '{"key":"bA=="}' },
  { path: "/v3/lease/timetolive", body: '{"ID":"7587848392398127104","keys":true}', compare: "keys" },
  { path: "/v3/kv/lease/timetolive", body: '{"ID":"1234"}' },
  { path: "/v3/lease/keepalive", body: '{"ID":"7"}' },
  { path: "/v3/lease/keepalive", body: '{"ID":"7"}\n{"ID":8}{"ID":"9"}' },
  { path: "/v3/lease/keepalive", body: "" },
  { path: "/v3/lease/revoke", body: '{"ID":"8"}' },
  { path: "/v3/kv/lease/revoke", body: '{"ID":"8"}' },
  { path: "/v3/lease/revoke", body: '{"ID":"7587848392398127104"}' },
  { path: "/v3/lease/leases", body: "{}" },
  { path: "/v3/kv/lease/leases", body: "{}" },
  {
    path: "/v3/lease/keepalive",
    body: '{"ID":"7"} garbage',
    difference: "what cannot be read ends the stream with an error line; etcd drops it silently",
  },
  // Watch
  { path: "/v3/watch", body: '{"create_request":{"key":"YQ=="}}', compare: { lines: 1 } },
  { path: "/v3/watch", body: watchA, compare: { lines: 2 } },
  {
    path: "/v3/watch",
    body: '{"createRequest":{"key":"YQ=="}}\n{"progress_request":{}}',
    compare: { lines: 2 },
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"YQ==","watch_id":"5"}}{"create_request":{"key":"YQ==","watch_id":5}}',
    compare: { lines: 2 },
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"YQ=="}}{"cancel_request":{"watch_id":"0"}}',
    compare: { lines: 2 },
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"YQ==","range_end":"YQ==","filters":["NOPUT",1]}}',
    compare: { lines: 1 },
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":5}}',
    difference: "malformed JSON is 400 with code 3 for streams too (etcd.md 12.5); etcd says 500, 2",
  },
  { path: "/v3/kv/compaction", body: '{"revision":"3"}' },
  { path: "/v3/kv/compaction", body: '{"revision":"3"}' },
  { path: "/v3/kv/range", body: `{"key":"${a}","revision":"2"}` },
  { path: "/v3/watch", body: watchA, compare: { lines: 2 } },
  // Lock and election
  { path: "/v3/lock/lock", body: '{"name":"bG9jaw==","lease":"7"}' },
  { path: "/v3/lock/unlock", body: '{"key":"bG9jay83"}' },
  { path: "/v3/election/leader", body: '{"name":"ZQ=="}' },
  { path: "/v3/election/campaign", body: '{"name":"ZQ==","value":"MQ==","lease":"7"}' },
  { path: "/v3/election/leader", body: '{"name":"ZQ=="}' },
  { path: "/v3/election/observe", body: '{"name":"ZQ=="}', compare: { lines: 1 } },
  { path: "/v3/election/proclaim", body: '{"leader":null,"value":"Mg=="}' },
  // Cluster and maintenance
  { path: "/v3/cluster/member/list", body: "{}", compare: "keys" },
  {
    path: "/v3/maintenance/status",
    body: "{}",
    compare: "keys",
    difference: "dbSizeQuota is of 3.6 (etcd.md 3)",
  },
  {
    path: "/v3/maintenance/alarm",
    body: "{}",
    compare: "keys",
    difference: "we set a header in every answer, etcd not in this one",
  },
  {
    path: "/v3/maintenance/defragment",
    body: "{}",
    compare: "keys",
    difference: "we set a header in every answer, etcd not in this one",
  },
  // Auth
  { path: "/v3/auth/authenticate", body: '{"name":"a","password":"b"}', difference: since35 },
  { path: "/v3/auth/user/add", body: '{"name":"root","password":"<&>\\u2028\\u0008\\u007f"}' },
  { path: "/v3/auth/user/add", body: '{"name":"<&>\\u2028\\u0008\\u007f\\ud83d\\ude00é","password":"x"}' },
  { path: "/v3/auth/user/list", body: "{}" },
  { path: "/v3/auth/user/add", body: '{"name":"","password":"x"}' },
  { path: "/v3/auth/role/add", body: '{"name":"r"}' },
  { path: "/v3/auth/role/grant", body: '{"name":"r","perm":{"permType":"READWRITE","key":"YQ=="}}' },
  { path: "/v3/auth/role/grant", body: '{"name":"r","perm":{"key":"Yg==","range_end":"Yw=="}}' },
  { path: "/v3/auth/role/get", body: '{"role":"r"}' },
  { path: "/v3/auth/role/list", body: "{}" },
  { path: "/v3/auth/user/add", body: '{"name":"u","password":"p"}' },
  { path: "/v3/auth/user/grant", body: '{"user":"u","role":"r"}' },
  { path: "/v3/auth/user/get", body: '{"name":"u"}' },
  { path: "/v3/auth/user/grant", body: '{"user":"root","role":"root"}' },
  { path: "/v3/auth/enable", body: "{}" },
  { path: "/v3/kv/range", body: `{"key":"${a}"}` },
  { path: "/v3/kv/range", body: `{"key":"${a}"}`, headers: { authorization: "bad.1" } },
  { path: "/v3/kv/range", body: `{"key":"${a}"}`, headers: { "grpc-metadata-token": "bad.1" } },
  { path: "/v3/watch", body: '{"create_request":{"key":"YQ=="}}', compare: { lines: 1 } },
  { path: "/v3/auth/authenticate", body: '{"name":"u","password":"wrong"}' },
  { path: "/v3/auth/authenticate", body: '{"name":"u","password":"p"}', compare: "keys" },
  { path: "/v3/kv/range", body: `{"key":"${a}"}`, token: "Authorization" },
  { path: "/v3/kv/range", body: `{"key":"${a}"}`, token: "Grpc-Metadata-Token" },
  { path: "/v3/kv/put", body: `{"key":"eg=="}`, token: "Authorization" },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"eg=="}}',
    token: "Authorization",
    compare: { lines: 1 },
  },
  { path: "/v3/auth/disable", body: "{}", token: "Authorization" },
  {
    path: "/v3/maintenance/snapshot",
    body: "{}",
    difference: "the text begins with `etcdserver:` from 3.5 on; its code is 3 (etcd.md 9.4), in 3.4 2",
  },
  {
    path: "/v3/auth/authenticate",
    body: '{"name":"root","password":"<&>\\u2028\\u0008\\u007f"}',
    compare: "keys",
  },
  { path: "/v3/auth/disable", body: "{}", token: "Authorization" },
  { path: "/v3/kv/range", body: `{"key":"${a}"}` },
  // Headers
  { path: "/v3/kv/range", body: `{"key":"${a}"}`, headers: { "grpc-timeout": "bad" } },
  { path: "/v3/kv/range", body: `{"key":"${a}"}`, headers: { "grpc-timeout": "5S" } },
];
