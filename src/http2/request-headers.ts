/** The header fields of one request, after the checks of RFC 9113, 8.2 and 8.3. */
import type { HeaderField } from "./hpack/field.ts";

/** Fields that speak about a connection of HTTP/1 (8.2.2). `te` may only say "trailers". */
const connectionFields = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];

export class RequestHeaders {
  readonly method: string;
  readonly path: string;
  /** What the body must be long, where the request says so (8.1.1). */
  readonly contentLength: number | null;
  readonly #fields: readonly HeaderField[];

  constructor(
    request: { method: string; path: string; contentLength: number | null },
    fields: readonly HeaderField[],
  ) {
    this.method = request.method;
    this.path = request.path;
    this.contentLength = request.contentLength;
    this.#fields = fields;
  }

  /** The value; several values of one name are joined by comma, as in HTTP. */
  get(name: string): string | undefined {
    let value: string | undefined;
    for (const field of this.#fields) {
      if (field.name === name) value = value === undefined ? field.value : `${value},${field.value}`;
    }
    return value;
  }
}

/**
 * The request that the fields make, or null if they make none (malformed: a stream error). `:authority` may be anything,
 * also absent, as with Go's server: grpc-go puts the whole target there, `http://` included.
 */
export function requestHeaders(fields: readonly HeaderField[]): RequestHeaders | null {
  let method: string | null = null;
  let path: string | null = null;
  let scheme = false;
  let authority = false;
  let regular = false;
  let contentLength: number | null = null;
  for (const field of fields) {
    if (!field.valid) return null;
    if (field.name.charCodeAt(0) !== 0x3a) {
      regular = true;
      if (!mayStandInRequest(field)) return null;
      if (field.name === "content-length") {
        const length = /^\d{1,15}$/.test(field.value) ? Number(field.value) : null;
        if (length === null || (contentLength ?? length) !== length) return null;
        contentLength = length;
      }
      continue;
    }
    if (regular) return null;
    if (field.name === ":method" && method === null) method = field.value;
    else if (field.name === ":path" && path === null) path = field.value;
    else if (field.name === ":scheme" && !scheme) scheme = true;
    else if (field.name === ":authority" && !authority) authority = true;
    else return null;
  }
  if (!method || !path || !scheme) return null;
  return new RequestHeaders({ method, path, contentLength }, fields);
}

/** Whether the fields may stand behind a request's body: no pseudo-fields there (8.1). */
export function areTrailers(fields: readonly HeaderField[]): boolean {
  return fields.every((field) => field.valid && !field.name.startsWith(":"));
}

function mayStandInRequest(field: HeaderField): boolean {
  if (field.name === "te") return field.value === "trailers";
  return !connectionFields.includes(field.name);
}
