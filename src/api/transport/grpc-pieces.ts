/**
 * The frame of a message that comes in pieces: the small ones behind the prefix in one new buffer, and from the first large one
 * on as they are, so that a large piece is in memory once, however many streams it waits on.
 */
import { grpcPrefixBytes } from "../../store/wire/grpc-frame.ts";

/** Smaller pieces are copied: a buffer and a frame of their own would cost more. */
const largeBytes = 4096;

export function grpcPieces(pieces: readonly Uint8Array[]): { front: Buffer; large: readonly Uint8Array[] } {
  let length = 0;
  let small = pieces.length;
  let frontBytes = grpcPrefixBytes;
  for (const [at, piece] of pieces.entries()) {
    length += piece.length;
    if (piece.length > largeBytes) small = Math.min(small, at);
    if (at < small) frontBytes += piece.length;
  }
  const front = Buffer.allocUnsafe(frontBytes);
  front[0] = 0;
  front.writeUInt32BE(length, 1);
  let at = grpcPrefixBytes;
  for (let i = 0; i < small; i++) {
    front.set(pieces[i]!, at);
    at += pieces[i]!.length;
  }
  return { front, large: pieces.slice(small) };
}
