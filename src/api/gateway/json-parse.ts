/** Bytes to a JavaScript value without losing digits: an integer beyond 2^53, such as a lease id, becomes a bigint. */
import { isUtf8 } from "node:buffer";
import { messageOf } from "../../base/errors.ts";
import { malformed } from "./errors.ts";
import type { JsonText } from "./json-values.ts";

/** More than any 64-bit number needs; making a bigint of a million digits takes seconds. */
const digitsMax = 100;

/** Throws JsonError for what is no JSON text in UTF-8. */
export function parseJson({ bytes, longNumbers }: JsonText): unknown {
  if (!isUtf8(bytes)) throw malformed("request is not valid UTF-8");
  const text = bytes.toString("utf8");
  try {
    // The reviver takes several times as long.
    return longNumbers ? JSON.parse(text, exactly) : JSON.parse(text);
  } catch (error) {
    // Also a RangeError: the reviver calls itself for each nested value.
    throw malformed(`invalid JSON: ${messageOf(error)}`, error);
  }
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const unsafe = typeof value === "number" && !Number.isSafeInteger(value);
  const digits = unsafe ? (context?.source ?? "") : "";
  return digits.length <= digitsMax && /^-?\d+$/.test(digits) ? BigInt(digits) : value;
}
