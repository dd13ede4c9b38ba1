/** The log's command format: there and back, and nothing but CommandError for damage. */
import fc from "fast-check";
import { test } from "tap";
import {
  type CommandKind,
  commandHeaderBytes,
  decodeCommand,
  encodeCommand,
  encodeRequest,
  requestIdOf,
} from "../../../src/store/command.ts";
import { CommandError } from "../../../src/store/errors.ts";
import * as wire from "../../../src/store/wire/messages.ts";

const header = { requestId: 0xfedcba9876543210n, wallMs: 1_700_000_000_123 };

test("each kind comes back as it was", async (t) => {
  const requests: [CommandKind, object][] = [
    ["put", wire.PutRequest.create({ key: Buffer.from("k"), value: Buffer.from("v"), lease: -5n })],
    ["delete-range", wire.DeleteRangeRequest.create({ key: Buffer.from("k"), prev_kv: true })],
    ["txn", wire.TxnRequest.create({ success: [wire.RequestOp.create({})] })],
    ["compact", wire.CompactionRequest.create({ revision: 2 ** 40 })],
    ["lease-grant", wire.LeaseGrantRequest.create({ TTL: 10, ID: 2n ** 62n })],
    ["lease-revoke", wire.LeaseRevokeRequest.create({ ID: 7n })],
    ["lease-expire", wire.LeaseExpire.create({ IDs: [1n, 2n] })],
    ["lease-checkpoint", wire.LeaseCheckpoints.create({ checkpoints: [{ ID: 1n, remaining_ms: 2 ** 33 }] })],
    ["member-attributes", wire.MemberAttributes.create({ ID: 2n ** 64n - 1n, name: "m", clientURLs: ["u"] })],
  ];
  for (const [kind, request] of requests) {
    const body = encodeRequest(kind, request as never);
    const bytes = encodeCommand({ ...header, kind }, body);
    t.same(decodeCommand(bytes), { ...header, kind, request }, kind);
    t.equal(requestIdOf(bytes), header.requestId);
    t.strictSame(bytes.subarray(commandHeaderBytes), body, "the received bytes are the stored bytes");
  }
});

test("damage is a CommandError", async (t) => {
  const good = encodeCommand({ ...header, kind: "put" }, wire.PutRequest.encode({ key: Buffer.from("key") }));
  for (let length = 0; length < commandHeaderBytes; length++) {
    t.throws(() => decodeCommand(good.subarray(0, length)), CommandError);
  }
  t.throws(() => decodeCommand(Buffer.from([2, ...good.subarray(1)])), CommandError, "format version");
  t.throws(() => decodeCommand(Buffer.from([1, 77, ...good.subarray(2)])), CommandError, "kind");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (body, kind) => {
      const bytes = Buffer.concat([good.subarray(0, commandHeaderBytes), body]);
      bytes[1] = kind;
      try {
        decodeCommand(bytes);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
      }
    }),
  );
});
