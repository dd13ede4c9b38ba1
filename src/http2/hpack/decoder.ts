/** Header blocks to fields (RFC 7541, 6). One per connection: the blocks must be given whole, in the order of arrival. */
import { asBuffer } from "../../base/bytes.ts";
import { ErrorCode } from "../error-code.ts";
import { Http2Error } from "../errors.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { type HeaderField, headerField } from "./field.ts";
import { decodeHuffman } from "./huffman.ts";
import { staticTable } from "./static-table.ts";

/** Our SETTINGS_HEADER_TABLE_SIZE: the default, so it is never announced. */
const tableBytesDefault = 4096;
/** No length or index of a block that fits our limits comes near. */
const integerMax = 2 ** 24;

export interface DecodedBlock {
  readonly fields: readonly HeaderField[];
  /** The fields beyond the maximum are missing: the request cannot be served, but the connection can be read on. */
  readonly oversize: boolean;
}

export class HpackDecoder {
  /** How often the table has changed: a block decodes to the same fields as long as this stays. */
  changes = 0;
  readonly #listBytesMax: number;
  readonly #tableBytesMax: number;
  readonly #table: DynamicTable;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** `listBytesMax` bounds the fields of one block by HPACK's measure. */
  constructor(options: { listBytesMax: number; tableBytesMax?: number }) {
    this.#listBytesMax = options.listBytesMax;
    this.#tableBytesMax = options.tableBytesMax ?? tableBytesDefault;
    this.#table = new DynamicTable(this.#tableBytesMax);
  }

  /** Throws Http2Error (COMPRESSION_ERROR), after which this decoder cannot be used. */
  decode(bytes: Uint8Array, start: number, end: number): DecodedBlock {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const fields: HeaderField[] = [];
    let size = 0;
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        if (fields.length > 0) throw broken("table size update behind a field");
        this.#resize();
        continue;
      }
      const field = first & 0x80 ? this.#entry(this.#integer(7)) : this.#literal(first);
      size += field.bytes;
      if (size <= this.#listBytesMax) fields.push(field);
    }
    return { fields, oversize: size > this.#listBytesMax };
  }

  #resize(): void {
    const bytesMax = this.#integer(5);
    if (bytesMax > this.#tableBytesMax) throw broken("table larger than allowed");
    this.#table.resize(bytesMax);
    this.changes++;
  }

  /** 01: to be put into the table; 0000 and 0001: not (the latter also not by anyone behind us). */
  #literal(first: number): HeaderField {
    const indexed = (first & 0x40) !== 0;
    const index = this.#integer(indexed ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#entry(index).name;
    const field = headerField(name, this.#string());
    if (indexed) {
      this.#table.insert(field);
      this.changes++;
    }
    return field;
  }

  #entry(index: number): HeaderField {
    const field =
      index <= staticTable.length ? staticTable[index - 1] : this.#table.at(index - staticTable.length - 1);
    if (field === undefined) throw broken(`no entry ${index}`);
    return field;
  }

  #string(): string {
    if (this.#at >= this.#end) throw broken("ends before a string");
    const huffman = (this.#bytes[this.#at]! & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw broken("ends inside a string");
    this.#at = end;
    return huffman
      ? decodeHuffman(this.#bytes, start, end)
      : asBuffer(this.#bytes).toString("latin1", start, end);
  }

  /** An integer whose first `prefixBits` are in the current byte (RFC 7541, 5.1). */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let scale = 1; ; scale *= 128) {
      if (this.#at >= this.#end) throw broken("ends inside an integer");
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (value > integerMax || scale > integerMax) throw broken("integer too large");
      if (byte < 0x80) return value;
    }
  }
}

function broken(what: string): Http2Error {
  return new Http2Error(ErrorCode.COMPRESSION_ERROR, `header block: ${what}`);
}
