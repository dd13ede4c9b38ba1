import { test } from "tap";
import { KvError, type KvErrorCode } from "../../../src/store/kv.ts";
import { kvErrorOfStatus, statusOfKvError, statusTable } from "../../../src/store/wire/status.ts";

const codes = Object.keys(statusTable) as KvErrorCode[];

test("every error survives the way over the wire", async (t) => {
  for (const code of codes) t.equal(kvErrorOfStatus(statusOfKvError(new KvError(code))).code, code);
});

test("texts are etcd's, and no two are equal", async (t) => {
  const texts = codes.flatMap((code) => statusTable[code].text ?? []);
  t.equal(new Set(texts).size, texts.length);
  // The election texts and one of auth are etcd's raw Go errors (etcd.md 9.3, 10).
  for (const text of texts) t.match(text, /^(etcdserver: [a-zP]|auth: [a-z]|election: [a-z]|"leader" )/);
});

test("a status without a known text is told by its number", async (t) => {
  const given: [number, KvErrorCode][] = [
    [14, "kv.unavailable"],
    [1, "kv.canceled"],
    [4, "kv.timeout"],
    [12, "kv.unimplemented"],
    [2, "kv.unknown"],
    [7, "kv.unknown"],
  ];
  for (const [code, expected] of given) {
    const error = kvErrorOfStatus({ code, message: "something else" });
    t.equal(error.code, expected);
    t.equal(error.message, "something else");
  }
});
