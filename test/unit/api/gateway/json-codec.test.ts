/** JSON of messages both ways: tables of etcd.md 12.2, and the laws that tie reader, writer and protobuf together. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { test } from "tap";
import { parseJson } from "../../../../src/api/gateway/json-parse.ts";
import { jsonPieces } from "../../../../src/api/gateway/json-pieces.ts";
import { JsonReader } from "../../../../src/api/gateway/json-reader.ts";
import { JsonWriter } from "../../../../src/api/gateway/json-writer.ts";
import { routes } from "../../../../src/api/gateway/routes.ts";
import * as admin from "../../../../src/store/wire/admin-messages.ts";
import * as wire from "../../../../src/store/wire/messages.ts";
import type { Codec } from "../../../../src/store/wire/protobuf.ts";

const reader = new JsonReader();
const writer = new JsonWriter();

/** The exact way at all times; that the quick one is chosen rightly is for json-values.test.ts. */
const parsed = (json: string | Buffer): unknown => parseJson({ bytes: Buffer.from(json), longNumbers: true });

/** JSON -> protobuf -> JSON, as the gateway would show the request. */
function through<Shape extends object>(codec: Codec<Shape>, json: string): string {
  const init = reader.read(codec, parsed(json));
  const plain = codec as unknown as Codec<object>;
  return writer.message(plain, plain.decode(codec.encode(init)));
}

test("what is read", async (t) => {
  const range = (json: string): string => through(wire.RangeRequest, json);
  const table: [given: string, read: string][] = [
    ["null", "{}"],
    ["{}", "{}"],
    ['{"key":"YQ==","limit":"5"}', '{"key":"YQ==","limit":"5"}'],
    ['{"key":"YQ==","limit":5}', '{"key":"YQ==","limit":"5"}'],
    ['{"limit":5.0,"revision":"1e2"}', '{"limit":"5","revision":"100"}'],
    ['{"rangeEnd":"Yg==","key":"YQ"}', '{"key":"YQ==","range_end":"Yg=="}'],
    ['{"key":"_-8="}', '{"key":"/+8="}'],
    ['{"key":"_-8"}', '{"key":"/+8="}'],
    ['{"key":"YW\\r\\nJj"}', '{"key":"YWJj"}'],
    ['{"sort_order":"DESCEND","sortTarget":3}', '{"sort_order":"DESCEND","sort_target":"MOD"}'],
    ['{"sort_order":77}', '{"sort_order":77}'],
    ['{"key":null,"bogus":{"a":[1]},"serializable":true}', '{"serializable":true}'],
    ['{"key":"YQ==","key":"Yg=="}', '{"key":"Yg=="}'],
    ['{"min_mod_revision":"-1"}', '{"min_mod_revision":"-1"}'],
    ['{"__proto__":{"key":"YQ=="},"constructor":1}', "{}"],
  ];
  for (const [given, read] of table) t.equal(range(given), read, given);
});

test("64-bit numbers keep all their digits", async (t) => {
  const grant = (json: string): string => through(wire.LeaseGrantRequest, json);
  for (const id of [
    "7587848392398127104",
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
  ]) {
    t.equal(grant(`{"ID":${id}}`), `{"ID":"${id}"}`, "as a number");
    t.equal(grant(`{"ID":"${id}"}`), `{"ID":"${id}"}`, "as a string");
  }
  const max = "18446744073709551615";
  t.equal(through(admin.MoveLeaderRequest, `{"targetID":${max}}`), `{"targetID":"${max}"}`);
});

test("a oneof keeps a zero that was given", async (t) => {
  t.equal(
    through(wire.Compare, '{"target":"CREATE","key":"YQ==","createRevision":"0"}'),
    '{"target":"CREATE","key":"YQ==","create_revision":"0"}',
  );
  t.equal(through(wire.Compare, '{"value":""}'), '{"value":""}');
  t.equal(through(wire.WatchRequest, '{"progress_request":{}}'), '{"progress_request":{}}');
});

test("refusals name the field", async (t) => {
  const table: [Codec<object>, string, RegExp][] = (
    [
      [wire.RangeRequest, '{"key":5}', /field "key": expected a base64 string, got a number/],
      [wire.RangeRequest, '{"key":1234567890123456}', /field "key": expected a base64 string, got a number/],
      [wire.RangeRequest, '{"key":"Y"}', /field "key": is not valid base64/],
      [wire.RangeRequest, '{"key":"YQ="}', /field "key": is not valid base64/],
      [wire.RangeRequest, '{"key":"Y!=="}', /field "key": is not valid base64/],
      [wire.RangeRequest, '{"key":"YQ==YQ=="}', /field "key": is not valid base64/],
      [wire.RangeRequest, '{"limit":"x"}', /field "limit": expected an integer/],
      [wire.RangeRequest, '{"limit":""}', /field "limit": expected an integer/],
      [wire.RangeRequest, '{"limit":1.5}', /field "limit": expected an integer/],
      [wire.RangeRequest, '{"limit":1e30}', /field "limit": is not between/],
      [wire.RangeRequest, '{"limit":9223372036854775808}', /field "limit": is not between/],
      [wire.RangeRequest, `{"limit":${"9".repeat(5000)}}`, /field "limit": expected an integer/],
      [wire.RangeRequest, `{"limit":"${"9".repeat(5000)}"}`, /field "limit": expected an integer/],
      [wire.RangeRequest, '{"sort_order":"FOO"}', /field "sort_order": unknown value "FOO"/],
      [wire.RangeRequest, '{"serializable":"true"}', /field "serializable": expected true or false/],
      [wire.RangeRequest, '{"range_end":"YQ==","rangeEnd":"YQ=="}', /field "range_end": is given under both/],
      [wire.RangeRequest, "[]", /^expected an object, got a list/],
      [wire.RangeRequest, "5", /^expected an object, got a number/],
      [admin.MoveLeaderRequest, '{"targetID":-1}', /field "targetID": is not between 0/],
      [wire.TxnRequest, '{"success":{}}', /field "success": expected a list, got an object/],
      [wire.TxnRequest, '{"success":[null]}', /field "success\[0\]": expected an object, got null/],
      [
        wire.TxnRequest,
        '{"success":[{},{"request_put":{"key":1}}]}',
        /field "success\[1\].request_put.key": expected a base64 string/,
      ],
      [
        wire.TxnRequest,
        '{"success":[{"request_put":{},"request_range":{}}]}',
        /field "success\[0\].request_range": excludes request_put/,
      ],
      [wire.Compare, '{"version":"0","lease":"0"}', /field "lease": excludes version/],
      [wire.WatchRequest, '{"create_request":[]}', /field "create_request": expected an object/],
      [
        wire.WatchRequest,
        '{"create_request":{"filters":["NOPE"]}}',
        /"create_request.filters\[0\]": unknown/,
      ],
      [admin.AuthUserAddRequest, '{"name":["a"]}', /field "name": expected a string, got a list/],
    ] as [unknown, string, RegExp][]
  ).map(([codec, json, refusal]) => [codec as Codec<object>, json, refusal]);
  for (const [codec, json, refusal] of table)
    t.throws(() => through(codec, json), refusal, json.slice(0, 80));

  const nested = `${'{"success":[{"request_txn":'.repeat(60)}{}${"}]}".repeat(60)}`;
  t.throws(() => through(wire.TxnRequest as unknown as Codec<object>, nested), /nested deeper than 100/);
});

test("what is not JSON", async (t) => {
  for (const text of ["{", "{'a':1}", '{"a":01}', '{"a":NaN}', "nul", '{"a":1,}', '{"limit":-}']) {
    t.throws(() => parsed(text), { code: "gateway.malformed" }, text);
  }
  t.throws(() => parsed(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), /not valid UTF-8/);
  const deep = `{"a":1234567890123456789,"b":${"[".repeat(9_990)}${"]".repeat(9_990)}}`;
  t.doesNotThrow(() => {
    try {
      parsed(deep);
    } catch (error) {
      t.match(error, { code: "gateway.malformed" });
    }
  });
});

test("what is written", async (t) => {
  const kv = wire.KeyValue.create({ key: Buffer.from("a"), lease: -1n, version: 3 });
  const event = { type: wire.EventType.DELETE, kv, prev_kv: undefined };
  const response = wire.WatchResponse.create({
    watch_id: -1,
    cancel_reason: '<&>"\u2028\b\f\\b é',
    events: [event],
  });
  t.equal(
    writer.message(wire.WatchResponse as unknown as Codec<object>, response),
    '{"watch_id":"-1","cancel_reason":"\\u003c\\u0026\\u003e\\"\\u2028\\u0008\\u000c\\\\b é",' +
      '"events":[{"type":"DELETE","kv":{"key":"YQ==","version":"3","lease":"-1"}}]}',
  );
  const hash = admin.HashResponse.create({ hash: 4_294_967_295 });
  t.equal(writer.message(admin.HashResponse as unknown as Codec<object>, hash), '{"hash":4294967295}');
});

test("pieces of a large message are its JSON", async (t) => {
  const keyValue = (i: number): wire.KeyValue =>
    wire.KeyValue.create({ key: Buffer.from(`k${i}`), value: Buffer.alloc(i % 300, i), mod_revision: i });
  const kvs = Array.from({ length: 2_000 }, (_, i) => keyValue(i));
  const range = wire.RangeResponse.create({
    header: wire.ResponseHeader.create({ revision: 9 }),
    kvs,
    count: 2_000,
  });
  const op = {
    response_range: range,
    response_put: undefined,
    response_delete_range: undefined,
    response_txn: undefined,
  };
  const big = wire.PutResponse.create({ prev_kv: wire.KeyValue.create({ value: Buffer.alloc(100_000, 7) }) });
  const put = { ...op, response_range: undefined, response_put: big };
  const txn = wire.TxnResponse.create({ succeeded: true, responses: [op, put, op] });
  for (const [codec, message] of [
    [wire.RangeResponse, range],
    [wire.TxnResponse, txn],
    [wire.PutResponse, big],
    [wire.RangeResponse, wire.RangeResponse.create()],
  ] as unknown as [Codec<object>, object][]) {
    const pieces = [...jsonPieces(writer, codec, codec.encode(message))];
    t.equal(pieces.join(""), writer.message(codec, message));
    const longest = Math.max(...pieces.map((piece) => piece.length));
    t.ok(longest < 200_000, "no piece is large unless a value is");
  }
});

/** Any message of a codec, as JSON text would parse. */
function anyMessage(codec: Codec<object>, depth = 0): fc.Arbitrary<object> {
  const members = Object.entries(codec.fields).flatMap(([name, field]): [string, fc.Arbitrary<unknown>][] => {
    if (field.nested && depth > 2) return [];
    const single = (): fc.Arbitrary<unknown> => {
      if (field.nested) return anyMessage(field.nested(), depth + 1);
      if (field.kind === "bytes")
        return fc.uint8Array({ minLength: 1, maxLength: 9 }).map((b) => Buffer.from(b).toString("base64"));
      if (field.kind === "string") return fc.string({ unit: "grapheme", minLength: 1 });
      if (field.kind === "bool") return fc.constant(true);
      if (field.kind === "enum") return fc.constantFrom(...field.names!.slice(1));
      if (field.kind === "uint32") return fc.integer({ min: 1, max: 2 ** 32 - 1 });
      if (field.kind === "int64") return fc.integer({ min: 1 }).map(String);
      return fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String);
    };
    return [[name, field.repeated ? fc.array(single(), { minLength: 1, maxLength: 3 }) : single()]];
  });
  return fc.record(Object.fromEntries(members), { requiredKeys: [] });
}

test("every route's messages survive JSON -> protobuf -> JSON", async (t) => {
  for (const [path, { request, response }] of routes) {
    for (const codec of [request, response]) {
      fc.assert(
        fc.property(anyMessage(codec), (message) => {
          const given = JSON.stringify(message);
          try {
            return isDeepStrictEqual(JSON.parse(through(codec, given)), JSON.parse(given));
          } catch (error) {
            return /excludes/.test(String(error)); // two members of a oneof were drawn
          }
        }),
        { numRuns: 15 },
      );
    }
    t.pass(path);
  }
});
