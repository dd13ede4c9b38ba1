/**
 * Raft's messages as bytes (docs/format-peer.md). One type byte, from, to and term, then the fields in the order of
 * raft/message.ts, little-endian. The names of raft/message.ts and the numbers here are the format.
 */
import { assertNever } from "../../base/assert.ts";
import { Index, MemberId, Term } from "../../base/ids.ts";
import type { Entry } from "../../raft/entry.ts";
import type { Message, Proposal } from "../../raft/message.ts";
import { ByteReader, ByteReaderError } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import {
  entryHeadBytes,
  readEntryHead,
  readSnapshotMeta,
  writeEntryHead,
  writeSnapshotMeta,
} from "../codec/raft-values.ts";
import { PeerCodecError } from "./errors.ts";

/** Type byte - 1 is the place in this list. */
const types = [
  "pre-vote",
  "pre-vote-response",
  "request-vote",
  "request-vote-response",
  "append-entries",
  "append-entries-response",
  "heartbeat",
  "heartbeat-response",
  "install-snapshot",
  "timeout-now",
  "propose",
  "read-index",
  "read-index-response",
] as const satisfies readonly Message["type"][];

/** Approximate size of the encoding, never less: allocates once. */
export function messageBytes(message: Message): number {
  if (message.type !== "append-entries" && message.type !== "propose") return 128;
  let bytes = 64;
  for (const entry of message.entries) bytes += entry.data.length + entryHeadBytes + 4;
  return bytes;
}

/** Appends the encoding of `message` to `writer`. */
export function writeMessage(writer: ByteWriter, message: Message): void {
  writer.u8(types.indexOf(message.type) + 1);
  writer.id(message.from).id(message.to).u64(message.term);
  switch (message.type) {
    case "pre-vote":
      writer.u64(message.lastIndex).u64(message.lastTerm);
      return;
    case "request-vote":
      writer.u64(message.lastIndex).u64(message.lastTerm).u8(Number(message.transfer));
      return;
    case "pre-vote-response":
    case "request-vote-response":
      writer.u8(Number(message.granted));
      return;
    case "append-entries":
      writer.u64(message.previousIndex).u64(message.previousTerm).u64(message.commit);
      writer.u32(message.entries.length);
      for (const entry of message.entries) {
        writeEntryHead(writer, entry);
        writer.bytes(entry.data);
      }
      return;
    case "append-entries-response":
      writer.u8(Number(message.success)).u64(message.matchIndex).u64(message.rejectedIndex);
      writer.u64(message.hintIndex).u64(message.hintTerm);
      return;
    case "heartbeat":
      writer.u64(message.commit).u64(message.round);
      return;
    case "heartbeat-response":
      writer.u64(message.round);
      return;
    case "install-snapshot":
      writeSnapshotMeta(writer, message.snapshot);
      return;
    case "timeout-now":
      return;
    case "propose":
      writer.u32(message.entries.length);
      for (const { type, data } of message.entries) writer.u8(Number(type === "configuration")).bytes(data);
      return;
    case "read-index":
      writer.id(message.context);
      return;
    case "read-index-response":
      writer.id(message.context).u64(message.index);
      return;
    default:
      assertNever(message);
  }
}

export function encodeMessage(message: Message): Buffer {
  const writer = new ByteWriter(messageBytes(message));
  writeMessage(writer, message);
  return writer.view();
}

/** Throws PeerCodecError, and nothing else, for bytes that are not one message. Entry data are views into `bytes`. */
export function decodeMessage(bytes: Uint8Array): Message {
  try {
    const reader = new ByteReader(bytes);
    const message = read(reader);
    reader.end();
    return message;
  } catch (error) {
    if (error instanceof ByteReaderError) throw new PeerCodecError(error.message);
    throw error;
  }
}

function read(reader: ByteReader): Message {
  const type = types[reader.u8() - 1];
  const head = { from: MemberId(reader.id()), to: MemberId(reader.id()), term: Term(reader.u64()) };
  switch (type) {
    case undefined:
      return reader.fail("unknown message type");
    case "pre-vote":
      return { type, ...head, lastIndex: Index(reader.u64()), lastTerm: Term(reader.u64()) };
    case "request-vote": {
      const last = { lastIndex: Index(reader.u64()), lastTerm: Term(reader.u64()) };
      return { type, ...head, ...last, transfer: reader.boolean() };
    }
    case "pre-vote-response":
    case "request-vote-response":
      return { type, ...head, granted: reader.boolean() };
    case "append-entries": {
      const previous = { previousIndex: Index(reader.u64()), previousTerm: Term(reader.u64()) };
      return { type, ...head, ...previous, commit: Index(reader.u64()), entries: readEntries(reader) };
    }
    case "append-entries-response":
      return {
        type,
        ...head,
        success: reader.boolean(),
        matchIndex: Index(reader.u64()),
        rejectedIndex: Index(reader.u64()),
        hintIndex: Index(reader.u64()),
        hintTerm: Term(reader.u64()),
      };
    case "heartbeat":
      return { type, ...head, commit: Index(reader.u64()), round: reader.u64() };
    case "heartbeat-response":
      return { type, ...head, round: reader.u64() };
    case "install-snapshot":
      return { type, ...head, snapshot: readSnapshotMeta(reader) };
    case "timeout-now":
      return { type, ...head };
    case "propose":
      return { type, ...head, entries: readProposals(reader) };
    case "read-index":
      return { type, ...head, context: reader.id() };
    case "read-index-response":
      return { type, ...head, context: reader.id(), index: Index(reader.u64()) };
    default:
      return assertNever(type);
  }
}

function readEntries(reader: ByteReader): Entry[] {
  const entries: Entry[] = [];
  for (let left = reader.count(entryHeadBytes + 4); left > 0; left--) {
    entries.push({ ...readEntryHead(reader), data: reader.bytes() });
  }
  return entries;
}

function readProposals(reader: ByteReader): Proposal[] {
  const proposals: Proposal[] = [];
  for (let left = reader.count(5); left > 0; left--) {
    proposals.push({ type: reader.boolean() ? "configuration" : "normal", data: reader.bytes() });
  }
  return proposals;
}
