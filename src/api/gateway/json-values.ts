/**
 * Finds the JSON values in a stream of bytes: `{"a":1}\n{"b":2}` comes in chunks of any size and leaves as two values, each
 * in one piece. It looks at strings and brackets only; whether a value is JSON is for the parser. Values of a stream follow
 * each other with or without white space, as Go's decoder reads them.
 */
import { JsonError, malformed } from "./errors.ts";

/** Brackets within brackets; Go's decoder stops there too, and a parser would build an object for each. */
const depthMax = 10_000;

/** JavaScript's numbers keep 15 digits. */
const digitsMax = 15;

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;

/** One value of a body, not parsed yet. */
export interface JsonText {
  readonly bytes: Buffer;
  /** Whether a number in it may have more digits than JavaScript's numbers keep. */
  readonly longNumbers: boolean;
}

export interface JsonValuesOptions {
  /** Longest value. */
  readonly bytesMax: number;
  /** Objects, lists and what is in them, of one value. Parsing takes as long as there are elements, whatever they are. */
  readonly elementsMax: number;
}

export class JsonValues {
  readonly #options: JsonValuesOptions;
  /** Pieces of the value that has begun. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** Pushed and not looked at. */
  readonly #unread: Buffer[] = [];
  #ended = false;
  #kind: "none" | "composite" | "string" | "bare" = "none";
  #depth = 0;
  #elements = 0;
  #digits = 0;
  #longNumbers = false;
  #inString = false;
  #escaped = false;

  constructor(options: JsonValuesOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#unread.push(chunk);
  }

  /** Nothing more will be pushed. */
  end(): void {
    this.#ended = true;
  }

  /** The next whole value, or null until more is pushed. Throws JsonError; nothing can be read after that. */
  next(): JsonText | null {
    for (let chunk = this.#unread.shift(); chunk; chunk = this.#unread.shift()) {
      const start = this.#kind === "none" ? firstOf(chunk) : 0;
      const end = this.#endOfValue(chunk, start);
      const stop = end === -1 ? chunk.length : end;
      if (stop > start) this.#begun.push(chunk.subarray(start, stop));
      this.#begunBytes += stop - start;
      if (this.#begunBytes > this.#options.bytesMax) {
        throw oversize(`body is larger than ${this.#options.bytesMax} bytes`);
      }
      if (end === -1) continue;
      if (end < chunk.length) this.#unread.unshift(chunk.subarray(end));
      return this.#take();
    }
    if (!this.#ended || this.#kind === "none") return null;
    if (this.#kind === "bare") return this.#take();
    throw malformed("unexpected end of JSON input");
  }

  #take(): JsonText {
    const bytes = this.#begun.length === 1 ? this.#begun[0]! : Buffer.concat(this.#begun);
    const longNumbers = this.#longNumbers;
    this.#begun = [];
    this.#begunBytes = 0;
    this.#elements = 0;
    this.#longNumbers = false;
    this.#kind = "none";
    return { bytes, longNumbers };
  }

  /** Index after the value's last byte, or -1 if it goes on behind the chunk. */
  #endOfValue(chunk: Buffer, start: number): number {
    let at = start;
    if (this.#inString) {
      at = this.#afterString(chunk, at);
      if (at === -1 || this.#kind === "string") return at;
    }
    while (at < chunk.length) {
      const byte = chunk[at]!;
      if (byte === quote) {
        if (this.#kind === "bare") return at;
        if (this.#kind === "none") this.#kind = "string";
        at = this.#afterString(chunk, at + 1);
        if (at === -1 || this.#kind === "string") return at;
        continue;
      }
      if (byte >= 0x30 && byte <= 0x39) {
        if (++this.#digits > digitsMax) this.#longNumbers = true;
      } else {
        this.#digits = 0;
      }
      if (isOpening(byte)) {
        if (this.#kind === "bare") return at;
        this.#kind = "composite";
        this.#open();
      } else if (this.#kind !== "composite") {
        if (isSpace(byte)) return at;
        this.#kind = "bare";
      } else if (byte === comma) {
        this.#element();
      } else if ((byte === 0x7d || byte === 0x5d) && --this.#depth === 0) {
        return at + 1;
      }
      at++;
    }
    return -1;
  }

  /** Index after the closing quote of the string that `at` lies in, or -1 if it goes on. */
  #afterString(chunk: Buffer, at: number): number {
    for (let from = at; ; ) {
      const found = chunk.indexOf(quote, from);
      const end = found === -1 ? chunk.length : found;
      let plain = end;
      while (plain > from && chunk[plain - 1] === backslash) plain--;
      // Of an odd number of backslashes the last escapes what follows; the first may itself be escaped.
      const escaped = ((end - plain) % 2 === 1) !== (plain === from && this.#escaped);
      this.#escaped = false;
      if (found === -1) {
        this.#inString = true;
        this.#escaped = escaped;
        return -1;
      }
      if (!escaped) {
        this.#inString = false;
        return found + 1;
      }
      from = found + 1;
    }
  }

  #open(): void {
    if (++this.#depth > depthMax) throw malformed(`JSON is nested deeper than ${depthMax} objects and lists`);
    this.#element();
  }

  #element(): void {
    const { elementsMax } = this.#options;
    if (++this.#elements > elementsMax) throw oversize(`has more than ${elementsMax} elements`);
  }
}

function oversize(what: string): JsonError {
  return new JsonError(`request ${what}`, { code: "gateway.oversize" });
}

function firstOf(chunk: Buffer): number {
  let at = 0;
  while (at < chunk.length && isSpace(chunk[at]!)) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isOpening(byte: number): boolean {
  return byte === 0x7b || byte === 0x5b;
}
