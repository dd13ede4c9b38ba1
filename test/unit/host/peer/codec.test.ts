import fc from "fast-check";
import { test } from "tap";
import { Index, MemberId, Term } from "../../../../src/base/ids.ts";
import { decodeMessage, encodeMessage, messageBytes } from "../../../../src/host/peer/codec.ts";
import { PeerCodecError } from "../../../../src/host/peer/errors.ts";
import { encodeFrame, FrameSplitter, frameTypes } from "../../../../src/host/peer/frame.ts";
import type { Message } from "../../../../src/raft/message.ts";

/** Records with the ordinary prototype, to be compared with decoded objects. */
const record = <Value extends object>(
  model: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> },
): fc.Arbitrary<Value> => fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<Value>;
const id = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map(MemberId);
const index = fc.maxSafeNat().map(Index);
const term = fc.maxSafeNat().map(Term);
const context = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const data = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const entry = record({ type: fc.constantFrom("normal", "configuration", "empty"), index, term, data });
const proposal = record({ type: fc.constantFrom("normal", "configuration"), data });
const ids = fc.array(id, { maxLength: 5 });
const snapshot = record({
  index,
  term,
  configuration: record({ voters: ids, votersOutgoing: ids, learners: ids }),
});
const granted = fc.boolean();

const bodies: { readonly [Type in Message["type"]]: object } = {
  "pre-vote": { lastIndex: index, lastTerm: term },
  "pre-vote-response": { granted },
  "request-vote": { lastIndex: index, lastTerm: term, transfer: fc.boolean() },
  "request-vote-response": { granted },
  "append-entries": {
    previousIndex: index,
    previousTerm: term,
    commit: index,
    entries: fc.array(entry, { maxLength: 6 }),
  },
  "append-entries-response": {
    success: fc.boolean(),
    matchIndex: index,
    rejectedIndex: index,
    hintIndex: index,
    hintTerm: term,
  },
  heartbeat: { commit: index, round: fc.maxSafeNat() },
  "heartbeat-response": { round: fc.maxSafeNat() },
  "install-snapshot": { snapshot },
  "timeout-now": {},
  propose: { entries: fc.array(proposal, { maxLength: 6 }) },
  "read-index": { context },
  "read-index-response": { context, index },
};

const message = fc.oneof(
  ...Object.entries(bodies).map(([type, body]) =>
    record({ type: fc.constant(type), from: id, to: id, term, ...body }),
  ),
) as unknown as fc.Arbitrary<Message>;

test("law: every message survives the round trip, and its size is foreseen", async (t) => {
  fc.assert(
    fc.property(message, (given) => {
      const bytes = encodeMessage(given);
      t.strictSame(decodeMessage(bytes), given);
      const small = given.type !== "install-snapshot";
      return !small || bytes.length <= messageBytes(given);
    }),
    { numRuns: 500 },
  );
});

test("law: damage is a PeerCodecError or another message, never anything else", async () => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(message, fc.array(change, { maxLength: 4 }), fc.nat(), (given, changes, cut) => {
      const bytes = Buffer.from(encodeMessage(given));
      for (const [at, bits] of changes) bytes[at % bytes.length]! ^= bits;
      return isCodecErrorOrValue(() => decodeMessage(bytes.subarray(0, cut % (bytes.length + 1))));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) =>
      isCodecErrorOrValue(() => decodeMessage(bytes)),
    ),
    { numRuns: 2000 },
  );
});

function isCodecErrorOrValue(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    return error instanceof PeerCodecError;
  }
}

test("law: frames come out whole however the stream is divided", async () => {
  fc.assert(
    fc.property(
      fc.array(data, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (given, cuts) => {
        const stream = Buffer.concat(
          given.map((body) => encodeFrame(frameTypes.chunk, body.length, (writer) => writer.raw(body))),
        );
        const splitter = new FrameSplitter();
        const found: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          for (const frame of splitter.push(stream.subarray(at, at + size)))
            found.push(Buffer.from(frame.body));
          at += size;
        }
        return found.length === given.length && found.every((body, i) => body.equals(given[i]!));
      },
    ),
  );
});

test("a frame that is too long, or empty, is damage", async (t) => {
  const splitter = new FrameSplitter(100);
  t.throws(() => [...splitter.push(Buffer.from([101, 0, 0, 0, 1]))], PeerCodecError);
  t.throws(() => [...new FrameSplitter().push(Buffer.from([0, 0, 0, 0, 1]))], PeerCodecError);
});
