/** The operating error of this folder. An error of one stream is no exception: it is answered with RST_STREAM on the spot. */
import { AgentError } from "../base/errors.ts";
import { ErrorCode } from "./error-code.ts";

/** The peer broke a rule after which the connection cannot be read further. `errorCode` goes out in GOAWAY. */
export class Http2Error extends AgentError<{ code: "http2.connection"; errorCode: number }> {
  override readonly name = "Http2Error";
  constructor(errorCode: number, message: string) {
    super(message, { code: "http2.connection", errorCode });
  }
}

export function protocolError(message: string): Http2Error {
  return new Http2Error(ErrorCode.PROTOCOL_ERROR, message);
}

export function frameSizeError(what: string): Http2Error {
  return new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `${what} of a wrong length`);
}

export function flowControlError(message: string): Http2Error {
  return new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, message);
}

/** The peer costs more than it may. */
export function calm(message: string): Http2Error {
  return new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, message);
}
