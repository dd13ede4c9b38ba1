/**
 * Messages to proto3's JSON form, byte for byte as etcd's gateway writes it (etcd.md 12.2): proto names, in the order of the
 * field numbers, 64-bit numbers as strings, bytes as base64, zero values left out, `<`, `>` and `&` escaped as Go does.
 */
import { asBuffer } from "../../base/bytes.ts";
import type { Codec, Field } from "../../store/wire/protobuf.ts";

interface Row {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  readonly field: Field<unknown>;
}

export class JsonWriter {
  readonly #rows = new Map<Codec<object>, readonly Row[]>();

  /** The JSON text of a decoded message. */
  message(codec: Codec<object>, message: object): string {
    let text = "";
    const values = message as Record<string, unknown>;
    for (const { name, label, field } of this.#rowsOf(codec)) {
      const value = values[name];
      if (field.repeated) {
        const list = value as readonly unknown[];
        for (let i = 0; i < list.length; i++) {
          text += i === 0 ? `${text === "" ? "" : ","}${label}[` : ",";
          text += this.value(field, list[i]);
        }
        if (list.length > 0) text += "]";
      } else if (!field.isDefault(value)) {
        text += `${text === "" ? "" : ","}${label}${this.value(field, value)}`;
      }
    }
    return `{${text}}`;
  }

  /** One value of a field (an element, if it is repeated). */
  value(field: Field<unknown>, value: unknown): string {
    switch (field.kind) {
      case "message":
        return this.message(field.nested!(), value as object);
      case "bytes":
        return `"${asBuffer(value as Uint8Array).toString("base64")}"`;
      case "string":
        return quoted(value as string);
      case "int64":
      case "id64":
      case "uint64":
        return `"${value}"`;
      case "enum": {
        const name = field.names?.[value as number];
        return name === undefined ? String(value) : `"${name}"`;
      }
      default:
        return String(value);
    }
  }

  #rowsOf(codec: Codec<object>): readonly Row[] {
    let rows = this.#rows.get(codec);
    if (rows === undefined) {
      rows = Object.entries(codec.fields).map(([name, field]) => ({ name, label: `"${name}":`, field }));
      this.#rows.set(codec, rows);
    }
    return rows;
  }
}

/** What Go escapes and JSON.stringify does not, or writes differently. */
const special = /[<>&\u2028\u2029\b\f]/;

/** A JSON string as Go's encoder writes it. */
export function quoted(text: string): string {
  const json = JSON.stringify(text);
  // Escaped backslashes are matched first, so that the b of `\\b` is not taken for an escape.
  return special.test(text) ? json.replace(/\\\\|\\[bf]|[<>&\u2028\u2029]/g, escaped) : json;
}

function escaped(found: string): string {
  if (found === "\\\\") return found;
  const code = found === "\\b" ? 8 : found === "\\f" ? 12 : found.charCodeAt(0);
  return `\\u${code.toString(16).padStart(4, "0")}`;
}
