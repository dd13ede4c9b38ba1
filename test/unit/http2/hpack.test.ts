import { once } from "node:events";
import { connect } from "node:http2";
import { createServer } from "node:net";
import fc from "fast-check";
import { test } from "tap";
import { Http2Error } from "../../../src/http2/errors.ts";
import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { encodeHeaders } from "../../../src/http2/hpack/encode.ts";
import { decodeHuffman, huffmanLengths } from "../../../src/http2/hpack/huffman.ts";

const decoderOf = (tableBytesMax = 4096): HpackDecoder =>
  new HpackDecoder({ listBytesMax: 65536, tableBytesMax });

function decode(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return decoder.decode(bytes, 0, bytes.length).fields.map(({ name, value }) => `${name}: ${value}`);
}

const requests = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
  ],
];
const responses = [
  [
    ":status: 302",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 307",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 200",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:22 GMT",
    "location: https://www.example.com",
    "content-encoding: gzip",
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  ],
];

test("RFC 7541 appendix C: sequences of blocks on one table", async (t) => {
  const sequences: [section: string, tableBytes: number, expected: string[][], blocks: string[]][] = [
    [
      "C.3",
      4096,
      requests,
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    ],
    [
      "C.4",
      4096,
      requests,
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    ],
    [
      "C.5",
      256,
      responses,
      [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      ],
    ],
    [
      "C.6",
      256,
      responses,
      [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ],
    ],
  ];
  for (const [section, tableBytes, expected, blocks] of sequences) {
    const decoder = decoderOf(tableBytes);
    for (const [i, block] of blocks.entries())
      t.strictSame(decode(decoder, block), expected[i], `${section}.${i + 1}`);
  }
});

test("RFC 7541 appendix C.2: the four kinds of fields, and which of them the table keeps", async (t) => {
  const given: [hex: string, field: string, kept: boolean][] = [
    ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header", true],
    ["040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path", false],
    ["1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret", false],
    ["82", ":method: GET", false],
  ];
  for (const [hex, field, kept] of given) {
    const decoder = decoderOf();
    t.strictSame(decode(decoder, hex), [field]);
    t.equal(decoder.changes, kept ? 1 : 0);
    if (kept) t.strictSame(decode(decoder, "be"), [field]);
    else t.throws(() => decode(decoder, "be"), Http2Error);
  }
});

test("broken blocks are a COMPRESSION_ERROR", async (t) => {
  const given = {
    "index 0": "80",
    "no such entry": "be",
    "ends inside an index": "ff",
    "an integer without end": "ffffffffffffffffffffffffffff",
    "an integer that is too large": "ffffffffff7f",
    "a table size above the maximum": "3fe21f",
    "a table size behind a field": "8220",
    "ends before the name": "40",
    "ends before the value": "4001 61",
    "ends inside the value": "4001 6105 61",
    "a length beyond the block": "407f ff7f",
    "EOS in a Huffman string": "0084 ffff fffc 00",
    "Huffman padding of zeros": "0081 1800",
    "a whole byte of Huffman padding": "0082 1fff 00",
  };
  for (const [what, hex] of Object.entries(given)) {
    t.throws(() => decode(decoderOf(), hex), { name: "Http2Error", detail: { errorCode: 9 } }, what);
  }
  t.strictSame(decode(decoderOf(), "3fe11f 82"), [":method: GET"], "the maximum itself is fine");
});

test("fields beyond the list's maximum are dropped, and the table still follows", async (t) => {
  const decoder = new HpackDecoder({ listBytesMax: 100 });
  const block = Buffer.from("4001610162be be".replaceAll(" ", ""), "hex");
  t.strictSame(decoder.decode(block, 0, block.length), {
    fields: [
      { name: "a", value: "b", bytes: 34, valid: true },
      { name: "a", value: "b", bytes: 34, valid: true },
    ],
    oversize: true,
  });
});

test("the Huffman code is complete, and each byte means itself", async (t) => {
  const codes = canonicalCodes();
  t.equal(codes[0], "1111111111000", "appendix B: 0x1ff8");
  t.equal(codes[256], "1".repeat(30));
  t.equal(
    huffmanLengths.reduce((sum, length) => sum + 2 ** -length, 0),
    1,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const bits = [...bytes].map((byte) => codes[byte]).join("");
      const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
      const encoded = Uint8Array.from(padded.match(/.{8}/g) ?? [], (each) => Number.parseInt(each, 2));
      return decodeHuffman(encoded, 0, encoded.length) === Buffer.from(bytes).toString("latin1");
    }),
  );
});

/** By the definition: short codes first, then by symbol. */
function canonicalCodes(): string[] {
  const codes: string[] = [];
  let next = 0;
  for (let length = 1; length <= 30; length++) {
    next *= 2;
    for (const [symbol, bits] of huffmanLengths.entries()) {
      if (bits === length) codes[symbol] = (next++).toString(2).padStart(length, "0");
    }
  }
  return codes;
}

test("what we encode we decode, and no table is touched", async (t) => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/);
  const value = fc.string({ unit: "binary-ascii", maxLength: 300 });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 10 }), (fields) => {
      const block = encodeHeaders(fields);
      const decoder = decoderOf();
      const decoded = decoder.decode(block, 0, block.length).fields;
      t.strictSame(
        decoded.map((field) => [field.name, field.value]),
        fields,
      );
      return decoder.changes === 0;
    }),
  );
  t.strictSame([...encodeHeaders([[":status", "200"]])], [0x88]);
});

test("random bytes are fields or an error, never anything else", async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
      const decoder = decoderOf();
      try {
        for (const block of blocks) decoder.decode(block, 0, block.length);
      } catch (error) {
        return error instanceof Http2Error;
      }
      return true;
    }),
    { numRuns: 2000 },
  );
});

test("nghttp2, an independent encoder: its blocks for every byte that a value may hold", async (t) => {
  const values = Array.from({ length: 224 }, (_, i) => `x${String.fromCharCode(i + 32).repeat(3)}y`);
  const blocks = Promise.withResolvers<Buffer>();
  // The raw bytes are what matters: a plain socket in place of node's own decoder.
  const plain = createServer((socket) => {
    let all = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      all = Buffer.concat([all, chunk]);
      const done = blockOf(all.subarray(24));
      if (done) {
        blocks.resolve(done);
        socket.destroy();
      }
    });
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  });
  plain.listen(0, "127.0.0.1");
  await once(plain, "listening");
  t.teardown(() => plain.close());
  const client = connect(`http://127.0.0.1:${(plain.address() as { port: number }).port}`);
  client.on("error", () => {});
  const fields = Object.fromEntries(values.map((value, i) => [`h${i}`, value]));
  client.request({ ":path": "/p", ...fields }).on("error", () => {});
  const block = await blocks.promise;
  client.destroy();
  const decoded = decoderOf().decode(block, 0, block.length).fields;
  const byName = new Map(decoded.map((field) => [field.name, field.value]));
  for (const [i, value] of values.entries()) {
    t.equal(byName.get(`h${i}`), value);
  }
});

/** The header block of the first request among `bytes`, once it is whole. */
function blockOf(bytes: Buffer): Buffer | null {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) return null;
    const [type, flags] = [bytes[at + 3]!, bytes[at + 4]!];
    const priority = type === 1 && flags & 32 ? 5 : 0;
    if (type === 1 || type === 9) pieces.push(bytes.subarray(at + 9 + priority, end));
    if ((type === 1 || type === 9) && flags & 4) return Buffer.concat(pieces);
    at = end;
  }
  return null;
}
