/**
 * Reading JSON the way flannel's readers do (flannel.md 1): field names in any case, the exact case first; unknown fields
 * are ignored; null is the same as absent.
 */

export type JsonVerdict =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/** The parsed text, or why it is none, in one line. */
export function parseJson(text: string): JsonVerdict {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, problem: (error as SyntaxError).message };
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a field, undefined if it is absent or null. Of several spellings the exact one wins, then the last. */
export function fieldOf(json: object, name: string): unknown {
  const lower = name.toLowerCase();
  let found: unknown;
  for (const [key, value] of Object.entries(json)) {
    if (key === name) return value ?? undefined;
    if (key.toLowerCase() === lower) found = value;
  }
  return found ?? undefined;
}
