/** One header field as it lies in a table: with the size that HPACK counts and the verdict on its characters. */

export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** Name and value plus 32 (RFC 7541, 4.1). */
  readonly bytes: number;
  /** Whether name and value may stand in a request (RFC 9113, 8.2.1); looked at once, when the literal was read. */
  readonly valid: boolean;
}

export const fieldOverheadBytes = 32;

/** Lower-case printable ASCII without the separators that would make the name ambiguous; a colon only in front. */
const nameForm = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;

export function headerField(name: string, value: string): HeaderField {
  return {
    name,
    value,
    bytes: name.length + value.length + fieldOverheadBytes,
    valid: nameForm.test(name) && !hasControl(value),
  };
}

/** NUL, LF and CR would let one field become two further on; with the others but the tab we are as strict as Go's HTTP/2. */
function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}
