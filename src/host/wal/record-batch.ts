/** Encodes the records of one write into one reused buffer, continuing the chain of checksums. */
import { ByteWriter } from "../codec/byte-writer.ts";
import { type RecordPlace, writeRecord } from "./record.ts";
import { recordTypeOf, type WalRecord, writeBody } from "./record-body.ts";

/** A larger buffer than this is given back after use. */
const keptBytesMax = 1024 * 1024;

export class RecordBatch {
  #writer = new ByteWriter(16 * 1024);
  #checksum: number;

  constructor(checksum: number) {
    this.#checksum = checksum;
  }

  /**
   * The bytes of `records` as one write at `place`. Valid until the next call. The chain goes on from here, so every result
   * has to be written, in order.
   */
  encode(records: readonly WalRecord[], place: RecordPlace): Buffer {
    if (this.#writer.capacity > keptBytesMax) this.#writer = new ByteWriter(16 * 1024);
    const writer = this.#writer;
    writer.reset();
    let begin = true;
    for (const record of records) {
      const at = { sequence: place.sequence, offset: place.offset + writer.length };
      const head = { type: recordTypeOf(record), begin, previous: this.#checksum, place: at };
      this.#checksum = writeRecord(writer, head, (body) => writeBody(body, record));
      begin = false;
    }
    return writer.view();
  }
}
