import fc from "fast-check";
import { test } from "tap";
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  GrpcDeframer,
  type GrpcFrameError,
  grpcFrame,
} from "../../../src/store/wire/grpc-frame.ts";

/** `bytes` cut at the given places. */
function chunked(bytes: Buffer, cuts: number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

test("messages come out as they went in, however the stream is cut", async (t) => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  const cuts = fc.array(fc.nat(3000), { maxLength: 40 });
  fc.assert(
    fc.property(messages, cuts, (sent, places) => {
      const deframer = new GrpcDeframer(1000);
      const received: Uint8Array[] = [];
      for (const chunk of chunked(Buffer.concat(sent.map(grpcFrame)), places)) {
        deframer.push(chunk);
        for (let frame = deframer.next(); frame; frame = deframer.next()) received.push(frame.bytes);
      }
      const same = (list: Uint8Array[]): string[] => list.map((each) => Buffer.from(each).toString("hex"));
      t.strictSame(same(received), same(sent));
      return deframer.atBoundary;
    }),
    { numRuns: 300 },
  );
});

test("byte by byte, and the boundary in between", async (t) => {
  const deframer = new GrpcDeframer(10);
  const stream = grpcFrame(Buffer.from("abc"));
  for (const [i, byte] of stream.entries()) {
    deframer.push(Buffer.from([byte]));
    const frame = deframer.next();
    t.equal(frame === null, i < stream.length - 1);
    t.equal(deframer.atBoundary, i === stream.length - 1);
  }
});

test("refusals come before the bytes", async (t) => {
  const cases = [
    { prefix: [0, 0, 0, 0, 11], code: "grpc.frame-oversize" },
    { prefix: [0, 255, 255, 255, 255], code: "grpc.frame-oversize" },
    { prefix: [2, 0, 0, 0, 0], code: "grpc.frame-malformed" },
  ];
  for (const { prefix, code } of cases) {
    const deframer = new GrpcDeframer(10);
    deframer.push(Buffer.from(prefix));
    try {
      deframer.next();
      t.fail("has to throw");
    } catch (error) {
      t.equal((error as GrpcFrameError).code, code);
    }
  }
});

test("grpc-message", async (t) => {
  t.equal(encodeGrpcMessage("etcdserver: no leader"), "etcdserver: no leader");
  t.equal(encodeGrpcMessage("50 %\nä"), "50 %25%0A%C3%A4");
  t.equal(decodeGrpcMessage("50 %25 %C3%A4 %zz %"), "50 % ä %zz %");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const encoded = encodeGrpcMessage(text);
      return /^[ -~]*$/.test(encoded) && decodeGrpcMessage(encoded) === text.toWellFormed();
    }),
  );
});
