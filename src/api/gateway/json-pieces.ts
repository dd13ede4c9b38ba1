/**
 * The JSON of an encoded message in pieces, so that an answer of any size can be sent in slices of work: a large message is
 * read field by field from its bytes and never decoded as a whole.
 */
import { type Codec, type Field, Reader } from "../../store/wire/protobuf.ts";
import type { JsonWriter } from "./json-writer.ts";

/** Up to this size a message is decoded and written in one go, well below a millisecond. */
const pieceBytesMax = 32 * 1024;

interface Row {
  readonly name: string;
  readonly field: Field<unknown>;
}

/** Joined, the pieces are the JSON text. `bytes` come from our own encoder: a repeated field lies in one run. */
export function* jsonPieces(
  writer: JsonWriter,
  codec: Codec<object>,
  bytes: Uint8Array,
): Generator<string, void, void> {
  if (bytes.length <= pieceBytesMax) {
    yield writer.message(codec, codec.decode(bytes));
    return;
  }
  const rows = new Map<number, Row>();
  for (const [name, field] of Object.entries(codec.fields)) rows.set(field.number, { name, field });
  const reader = new Reader(bytes);
  const seen = new Set<Row>();
  let run: Row | undefined;
  let before = "{";
  while (!reader.done) {
    const tag = reader.uint32();
    const row = rows.get(tag >>> 3);
    if (row === undefined) {
      reader.skip(tag & 7);
      continue;
    }
    const { name, field } = row;
    if (row === run) {
      yield ",";
    } else {
      if (seen.has(row)) throw new Error(`field ${name} does not lie in one run`);
      seen.add(row);
      if (run) yield "]";
      run = field.repeated ? row : undefined;
      yield `${before}"${name}":${field.repeated ? "[" : ""}`;
      before = ",";
    }
    if (field.nested) yield* jsonPieces(writer, field.nested(), reader.bytes());
    else yield writer.value(field, field.read(reader));
  }
  yield run ? "]}" : before === "{" ? "{}" : "}";
}
