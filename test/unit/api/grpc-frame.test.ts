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

test("what waits costs about its length, in whatever pieces it came", async (t) => {
  const message = Buffer.alloc(20_000, 7);
  const stream = grpcFrame(message);
  const socketBytes = 65_536;
  for (const pieceBytes of [1, 7, 300, 16_384]) {
    const deframer = new GrpcDeframer(message.length);
    let tooMuch = 0;
    for (let at = 0; at < stream.length - 1; at += pieceBytes) {
      // A small view of a large buffer, as a DATA frame is one of what the socket gave.
      const chunk = new Uint8Array(socketBytes).subarray(0, Math.min(pieceBytes, stream.length - 1 - at));
      chunk.set(stream.subarray(at, at + chunk.length));
      deframer.push(chunk);
      if (deframer.next()) t.fail("a message before its end");
      deframer.settle();
      if (deframer.keptBytes > 2 * deframer.bufferedBytes + 4096) tooMuch++;
    }
    t.equal(tooMuch, 0, `in pieces of ${pieceBytes}`);
    deframer.push(stream.subarray(stream.length - 1));
    t.ok(message.equals(deframer.next()!.bytes));
    t.equal(deframer.keptBytes, 0);
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
