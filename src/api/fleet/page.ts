/**
 * Pages of lists (fleet.md 1.4). A token is URL-safe base64 of page size and page number, little endian: two uint16, as
 * fleet's, while they fit, else two uint32.
 */

/** Entries per page; clients never choose it. */
export const pageSize = 100;

export type Page<Item> =
  | { readonly items: readonly Item[]; readonly next: string | undefined }
  /** The text of a 400. */
  | { readonly problem: string };

/** The page that `token` asks for (the query parameter as parsed), or the first. A page past the end is empty. */
export function pageOf<Item>(items: readonly Item[], token: unknown): Page<Item> {
  const number = pageNumber(token);
  if (typeof number === "string") return { problem: number };
  const start = (number - 1) * pageSize;
  const page = items.slice(start, start + pageSize);
  // Returned whenever the page is full, even if nothing follows, as fleet does.
  return { items: page, next: page.length === pageSize ? encodeToken(number + 1) : undefined };
}

function pageNumber(token: unknown): number | string {
  if (token === undefined || token === "") return 1;
  if (typeof token !== "string") return "too many values for page token";
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(token) || token.length % 4 !== 0) return "illegal base64 data";
  const bytes = Buffer.from(token, "base64url");
  if (bytes.length < 4) return "unexpected EOF";
  const wide = bytes.length >= 8;
  const size = wide ? bytes.readUInt32LE(0) : bytes.readUInt16LE(0);
  const number = wide ? bytes.readUInt32LE(4) : bytes.readUInt16LE(2);
  if (size !== pageSize) return `token limit must be ${pageSize}`;
  if (number === 0) return "token page must be greater than zero";
  return number;
}

function encodeToken(number: number): string {
  const wide = number > 0xffff;
  const bytes = Buffer.alloc(wide ? 8 : 4);
  if (wide) {
    bytes.writeUInt32LE(pageSize, 0);
    bytes.writeUInt32LE(number, 4);
  } else {
    bytes.writeUInt16LE(pageSize, 0);
    bytes.writeUInt16LE(number, 2);
  }
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
