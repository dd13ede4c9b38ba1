/** gRPC's framing: cut in any way and damaged in any way, frames or a GrpcFrameError; never more held than was pushed. */
import { gzipSync } from "node:zlib";
import { test } from "tap";
import { GrpcError } from "../../src/api/transport/errors.ts";
import { Inflater } from "../../src/api/transport/inflate.ts";
import { GrpcDeframer, GrpcFrameError, grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { corpus, fuzz, mutated, randomBytes } from "./support.ts";

const bytesMax = 1000;

/** The frames of the chunks, and what stopped the reading. */
function deframe(chunks: readonly Uint8Array[]): string[] {
  const deframer = new GrpcDeframer(bytesMax);
  const said: string[] = [];
  let pushed = 0;
  try {
    for (const chunk of chunks) {
      deframer.push(chunk);
      pushed += chunk.length;
      for (let frame = deframer.next(); frame; frame = deframer.next()) {
        said.push(`${frame.compressed} ${Buffer.from(frame.bytes).toString("hex")}`);
      }
      deframer.settle();
      if (deframer.bufferedBytes > Math.min(pushed, bytesMax + 5)) throw new Error("holds too much");
    }
    said.push(deframer.atBoundary ? "boundary" : "inside");
  } catch (error) {
    if (!(error instanceof GrpcFrameError)) throw error;
    said.push(error.code);
  }
  return said;
}

test("the frames do not depend on the cuts", async (t) => {
  for (const { name, bytes } of corpus("grpc-frame")) t.doesNotThrow(() => deframe([bytes]), name);
  await fuzz(5000, (random) => {
    const frames = Array.from({ length: random.below(5) }, () =>
      grpcFrame(randomBytes(random, random.below(random.chance(0.1) ? 1200 : 60))),
    );
    const valid = Buffer.concat(frames);
    const bytes = random.chance(0.3) ? valid : mutated(random, valid);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.below(40);
      chunks.push(bytes.subarray(at, end));
      at = end;
    }
    const [whole, cut] = [deframe([bytes]), deframe(chunks)];
    if (whole.join() !== cut.join()) throw new Error(`${bytes.toString("hex")}: ${whole} is not ${cut}`);
  });
});

test("compressed messages, damaged or not", async (t) => {
  const inflater = new Inflater();
  let read = 0;
  await fuzz(2000, async (random) => {
    const valid = gzipSync(randomBytes(random, random.below(200)));
    const bytes = random.chance(0.2) ? valid : mutated(random, valid);
    const outcome = await new Promise<Uint8Array | GrpcError>((done) => inflater.inflate(bytes, 150, done));
    if (outcome instanceof GrpcError) return;
    if (outcome.length > 150) throw new Error("larger than the maximum");
    read++;
  });
  t.ok(read > 0);
});
