/** The splitter gives the same values however the bytes are cut, and bounds what it holds. */
import fc from "fast-check";
import { test } from "tap";
import { JsonError } from "../../../../src/api/gateway/errors.ts";
import { JsonValues } from "../../../../src/api/gateway/json-values.ts";

/** All values of a body, given in pieces. */
function split(pieces: readonly Buffer[], bytesMax = 1_000_000, elementsMax = 1000): string[] {
  const values = new JsonValues({ bytesMax, elementsMax });
  const found: string[] = [];
  const take = (): void => {
    for (let value = values.next(); value; value = values.next()) found.push(value.bytes.toString());
  };
  for (const piece of pieces) {
    values.push(piece);
    take();
  }
  values.end();
  take();
  return found;
}

const whole = (text: string): string[] => split([Buffer.from(text)]);

test("values of a body", async (t) => {
  const table: [string, string[]][] = [
    ["", []],
    [" \n\t", []],
    ["{}", ["{}"]],
    ['{"a":1}{"b":2}', ['{"a":1}', '{"b":2}']],
    ['\n {"a":[1,{"x":"}"}]} \n {"b":2}\n', ['{"a":[1,{"x":"}"}]}', '{"b":2}']],
    ['{"a":"\\"}\\\\"}{}', ['{"a":"\\"}\\\\"}', "{}"]],
    ["null 5 true", ["null", "5", "true"]],
    ['"a b""c"', ['"a b"', '"c"']],
    ["12", ["12"]],
    ["nul{}", ["nul", "{}"]],
    ["}{}", ["}", "{}"]],
    ["[1][2]", ["[1]", "[2]"]],
  ];
  for (const [body, values] of table) t.same(whole(body), values, JSON.stringify(body));
});

test("a body that ends inside a value", async (t) => {
  for (const body of ["{", '{"a":"', "[1,2", '"abc', '{"a":"\\']) {
    t.throws(() => whole(body), JsonError, body);
  }
});

test("limits", async (t) => {
  t.throws(() => split([Buffer.from(`{"a":"${"x".repeat(100)}"}`)], 50), /larger than 50 bytes/);
  t.throws(() => split([Buffer.from("[".repeat(10_001))], 1_000_000, 100_000), /nested deeper/);
  t.same(
    split([Buffer.from('{"a":"0123456789"}{"b":1}{"c":1}')], 20).length,
    3,
    "the limit is for each value",
  );
});

test("cuts do not matter", async (t) => {
  fc.assert(
    fc.property(fc.array(fc.json(), { maxLength: 5 }), fc.array(fc.nat(40)), (texts, cuts) => {
      const body = Buffer.from(texts.join("\n"));
      const pieces: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(body.subarray(at, at + cut));
        at = Math.min(body.length, at + cut);
      }
      pieces.push(body.subarray(at));
      const found = split(pieces).map((text) => JSON.stringify(JSON.parse(text)));
      return found.join() === texts.map((text) => JSON.stringify(JSON.parse(text))).join();
    }),
  );
  t.pass();
});

test("numbers with more digits than JavaScript keeps are noticed, cut or not", async (t) => {
  const table: [string, boolean][] = [
    ['{"ID":123456789012345}', false],
    ['{"ID":1234567890123456}', true],
    ['{"ID":-1234567890123456}', true],
    ['{"ID":"1234567890123456"}', false],
    ["1234567890123456", true],
  ];
  for (const [text, long] of table) {
    for (const cut of [0, 5, 12]) {
      const values = new JsonValues({ bytesMax: 100, elementsMax: 10 });
      values.push(Buffer.from(text.slice(0, cut)));
      t.equal(values.next(), null);
      values.push(Buffer.from(text.slice(cut)));
      values.end();
      t.match(values.next(), { longNumbers: long }, text);
    }
  }
});
