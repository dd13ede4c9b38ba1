/**
 * The peer port's answer to a person or a probe: GET /version and /members as JSON, 404 for the rest. One request for each
 * connection, headers ignored.
 */
import type { Socket } from "node:net";

/** The answer to a path, or null for 404. */
export type HttpAnswers = (path: string) => object | null;

const requestBytesMax = 8192;

/** Takes the socket over; `first` are bytes that were read already. The caller's deadline closes one that never ends. */
export function answerHttp(socket: Socket, first: Buffer, answers: HttpAnswers): void {
  let request = "";
  const feed = (chunk: Buffer): void => {
    request += chunk.toString("latin1");
    if (request.includes("\r\n\r\n")) {
      socket.off("data", feed);
      socket.end(answerTo(request, answers), () => socket.destroy());
    } else if (request.length > requestBytesMax) socket.destroy();
  };
  socket.on("data", feed);
  feed(first);
}

function answerTo(request: string, answers: HttpAnswers): string {
  const match = /^(GET|HEAD) (\/[^ ?]*)[^ ]* HTTP\/1\.[01]\r\n/.exec(request);
  if (!match) return response("400 Bad Request", { error: "not a request that this port answers" }, true);
  const answer = answers(match[2]!);
  const status = answer === null ? "404 Not Found" : "200 OK";
  return response(status, answer ?? { error: "not found" }, match[1] === "GET");
}

function response(status: string, body: object, withBody: boolean): string {
  const text = `${JSON.stringify(body)}\n`;
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`;
  return `${head}connection: close\r\n\r\n${withBody ? text : ""}`;
}
