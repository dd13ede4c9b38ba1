/** Basic credentials of HTTP (RFC 7617). */

export interface Basic {
  readonly name: string;
  readonly password: string;
}

/** What an Authorization header says; null if it is of another scheme. A name without a colon has an empty password. */
export function basicOf(authorization: string): Basic | null {
  const [, encoded] = /^Basic\s+(\S+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const at = text.indexOf(":");
  return at < 0 ? { name: text, password: "" } : { name: text.slice(0, at), password: text.slice(at + 1) };
}
