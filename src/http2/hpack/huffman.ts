/**
 * HPACK's Huffman code (RFC 7541, 5.2 and appendix B). The code is canonical: among codes of one length the values rise with
 * the symbols, and each length continues where the one before ended. So the lengths alone are the whole table.
 */
import { ErrorCode } from "../error-code.ts";
import { Http2Error } from "../errors.ts";

/** Bits of the code of each byte; the last is EOS, which must never be sent. */
export const huffmanLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const eos = 256;
const lengthMax = 30;

/** Of each length: the first code, how many there are, and where their symbols begin in `symbols`. */
interface CanonicalCode {
  readonly first: readonly number[];
  readonly count: readonly number[];
  readonly offset: readonly number[];
  readonly symbols: readonly number[];
  /** By the next eight bits: symbol * 16 + length of a code that fits in them, 0 if it is longer. */
  readonly short: Uint16Array;
}

const code = canonical(huffmanLengths);

function canonical(lengths: readonly number[]): CanonicalCode {
  const first: number[] = [0];
  const count: number[] = [0];
  const offset: number[] = [0];
  const symbols: number[] = [];
  const short = new Uint16Array(256);
  let next = 0;
  for (let length = 1; length <= lengthMax; length++) {
    next <<= 1;
    first.push(next);
    offset.push(symbols.length);
    for (const [symbol, bits] of lengths.entries()) {
      if (bits !== length) continue;
      symbols.push(symbol);
      if (length <= 8) short.fill(symbol * 16 + length, next << (8 - length), (next + 1) << (8 - length));
      next++;
    }
    count.push(symbols.length - offset[length]!);
  }
  return { first, count, offset, symbols, short };
}

/**
 * The text, one character per byte. Throws Http2Error for EOS inside it and for padding that is not the beginning of EOS or is
 * a whole byte or longer (RFC 7541, 5.2). The text is at most 8/5 times as long as the bytes.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let bit = start * 8;
  const endBit = end * 8;
  while (bit < endBit) {
    const at = bit >>> 3;
    const pair = (bytes[at]! << 8) | (at + 1 < end ? bytes[at + 1]! : 0xff);
    const entry = code.short[(pair >>> (8 - (bit & 7))) & 0xff]!;
    const length = entry & 15;
    if (entry !== 0 && bit + length <= endBit) {
      text += String.fromCharCode(entry >>> 4);
      bit += length;
      continue;
    }
    const symbol = entry === 0 ? longSymbol(bytes, bit, endBit) : -1;
    if (symbol === -1) {
      checkPadding(bytes, bit, endBit);
      break;
    }
    if (symbol === eos) throw new Http2Error(ErrorCode.COMPRESSION_ERROR, "EOS in a Huffman string");
    text += String.fromCharCode(symbol);
    bit += huffmanLengths[symbol]!;
  }
  return text;
}

/** The symbol of a code of any length, or -1 if the bits end before it does. The code is complete, so there is no third case. */
function longSymbol(bytes: Uint8Array, from: number, endBit: number): number {
  let value = 0;
  for (let length = 1; length <= lengthMax; length++) {
    const bit = from + length - 1;
    if (bit >= endBit) return -1;
    value = (value << 1) | ((bytes[bit >>> 3]! >>> (7 - (bit & 7))) & 1);
    const place = value - code.first[length]!;
    if (place < code.count[length]!) return code.symbols[code.offset[length]! + place]!;
  }
  return -1;
}

function checkPadding(bytes: Uint8Array, from: number, endBit: number): void {
  const bits = endBit - from;
  const ones = 2 ** bits - 1;
  if (bits > 7 || (bytes[(endBit >>> 3) - 1]! & ones) !== ones) {
    throw new Http2Error(ErrorCode.COMPRESSION_ERROR, "wrong padding of a Huffman string");
  }
}
