/** Base64 as proto3's JSON form has it: standard on output; standard or URL-safe, padded or not, on input (etcd.md 12.2). */

/**
 * The bytes, or null for text that is not base64. Buffer.from skips what it does not know, so the length tells: a text of n
 * characters stands for exactly floor(n * 3 / 4) bytes.
 */
export function fromBase64(text: string): Buffer | null {
  return decode(text) ?? (/[\r\n]/.test(text) ? decode(text.replace(/[\r\n]/g, "")) : null);
}

function decode(text: string): Buffer | null {
  let length = text.length;
  if (text.endsWith("=")) {
    if (length % 4 !== 0) return null;
    length -= text.endsWith("==") ? 2 : 1;
  }
  if (length % 4 === 1) return null;
  const bytes = Buffer.from(text, "base64");
  return bytes.length === Math.floor((length * 3) / 4) ? bytes : null;
}
