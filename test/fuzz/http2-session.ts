/** HTTP/2 sessions as a client sends them, in frames: the seed of what http2.test.ts and live.test.ts damage. */
import { encodeHeaders } from "../../src/http2/hpack/encode.ts";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import type { SeededRandom } from "../support/random.ts";
import { data, frame, headers, ping, reset, settings, uint32, windowUpdate } from "../unit/http2/support.ts";
import { mutated, randomBytes } from "./support.ts";

const types = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x42];
const sizes = [0, 1, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

export interface SessionOptions {
  /** The path of calls, and their message. */
  readonly path: string;
  readonly message: Uint8Array;
}

function request(random: SeededRandom, path: string): Uint8Array {
  const fields: [string, string][] = [
    [":method", random.chance(0.95) ? "POST" : "GET"],
    [":scheme", "http"],
    [":path", random.chance(0.9) ? path : random.pick(["/", "/no.Service/No", "*", ""])],
    [":authority", "localhost"],
    [
      "content-type",
      random.chance(0.95) ? "application/grpc" : random.pick(["text/html", "application/grpcx", ""]),
    ],
  ];
  if (random.chance(0.3)) fields.push(["te", random.pick(["trailers", "gzip"])]);
  if (random.chance(0.2))
    fields.push(["grpc-timeout", random.pick(["1S", "0n", "99999999H", "S", "1", "-1S"])]);
  if (random.chance(0.2)) fields.push(["grpc-encoding", random.pick(["gzip", "identity", "br"])]);
  if (random.chance(0.1))
    fields.push(["content-length", random.pick(["0", "5", "x", "99999999999999999999"])]);
  if (random.chance(0.05)) fields.push(["connection", "close"]);
  if (random.chance(0.05)) fields.reverse();
  return encodeHeaders(fields);
}

/** One thing a client does. `id` is the newest stream. */
function deed(random: SeededRandom, id: number, { path, message }: SessionOptions): Buffer {
  const some = random.chance(0.9) ? id : random.pick([0, 2, id + 2, 1, 2 ** 31 - 1]);
  switch (random.below(14)) {
    case 0:
      return settings([random.below(8), random.pick(sizes)]);
    case 1:
      return ping(random.below(2));
    case 2:
      return windowUpdate(random.chance(0.5) ? 0 : some, random.pick(sizes));
    case 3:
      return reset(some, random.below(16));
    case 4:
      return frame(2, 0, some, randomBytes(random, 5));
    case 5:
      return frame(7, 0, 0, Buffer.concat([uint32(0), uint32(0)]));
    case 6:
      return frame(random.pick(types), random.below(256), some, randomBytes(random, random.below(30)));
    case 7:
      return data(some, Buffer.concat([grpcFrame(message), grpcFrame(message)]), random.below(2));
    case 8: {
      const block = request(random, path);
      const cut = random.below(block.length);
      return Buffer.concat([
        headers(some, random.below(2), block.subarray(0, cut)),
        frame(9, random.chance(0.9) ? 4 : 0, some, block.subarray(cut)),
      ]);
    }
    case 9:
      return frame(
        0,
        8 | random.below(2),
        some,
        Buffer.concat([Buffer.from([random.below(20)]), randomBytes(random, 15)]),
      );
    default: {
      const body = grpcFrame(message);
      const cut = random.below(body.length);
      return Buffer.concat([
        headers(some, 4, request(random, path)),
        data(some, body.subarray(0, cut)),
        data(some, body.subarray(cut), 1),
      ]);
    }
  }
}

/** The frames of a session behind the greeting, some damaged. */
export function session(random: SeededRandom, options: SessionOptions): Buffer[] {
  const deeds: Buffer[] = [];
  const damaging = random.chance(0.5);
  for (let id = 1, count = 1 + random.below(20); count > 0; count--) {
    const bytes = deed(random, id, options);
    deeds.push(damaging && random.chance(0.1) ? mutated(random, bytes) : bytes);
    if (random.chance(0.6)) id += 2;
  }
  return deeds;
}
