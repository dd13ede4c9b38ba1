/** The header blocks of gRPC's answers (PROTOCOL-HTTP2.md, "Responses"). Those of success are made once, for all connections. */
import { encodeHeaders } from "../../http2/hpack/encode.ts";
import { encodeGrpcMessage } from "../../store/wire/grpc-frame.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { acceptedEncodings } from "./inflate.ts";

type Fields = readonly (readonly [name: string, value: string])[];

const answerFields: Fields = [
  [":status", "200"],
  ["content-type", "application/grpc"],
  ["grpc-accept-encoding", acceptedEncodings],
];

/** In front of the messages. */
export const answerHeaders = encodeHeaders(answerFields);
/** Behind the messages of a call that went well. */
export const okTrailers = encodeHeaders([["grpc-status", "0"]]);

/** Behind the messages, for any status. */
export function trailersOf(status: GrpcStatus): Uint8Array {
  return status.code === 0 && status.message === "" ? okTrailers : encodeHeaders(statusFields(status));
}

/** An answer without messages: one block says it all. */
export function trailersOnly(status: GrpcStatus): Uint8Array {
  return encodeHeaders([...answerFields, ...statusFields(status)]);
}

/** An answer to something that is no gRPC call: an HTTP status for whoever it was, and gRPC's, as grpc-go sends both. */
export function refusal(http: number, status: GrpcStatus): Uint8Array {
  return encodeHeaders([
    [":status", String(http)],
    ["content-type", "application/grpc"],
    ...statusFields(status),
  ]);
}

function statusFields({ code, message }: GrpcStatus): Fields {
  const fields: [string, string][] = [["grpc-status", String(code)]];
  if (message !== "") fields.push(["grpc-message", encodeGrpcMessage(message)]);
  return fields;
}
