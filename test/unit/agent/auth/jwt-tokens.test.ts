/** JSON Web Tokens: every algorithm that etcd knows, and everything that a token can have wrong with it. */
import { createSecretKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { test } from "tap";
import type { JwtKeys } from "../../../../src/agent/auth/jwt-keys.ts";
import { JwtTokens } from "../../../../src/agent/auth/jwt-tokens.ts";
import { type SignMethod, signMethods } from "../../../../src/agent/auth/options.ts";
import { KvError } from "../../../../src/store/errors.ts";
import { HandClock } from "../../../support/hand-clock.ts";

const secret = createSecretKey(randomBytes(64));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const curves = { ES256: "P-256", ES384: "P-384", ES512: "P-521" } as const;

function keysOf(method: SignMethod): JwtKeys {
  if (method.startsWith("HS")) return { sign: secret, verify: secret };
  if (method === "EdDSA") return { sign: ed.privateKey, verify: ed.publicKey };
  if (!method.startsWith("ES")) return { sign: rsa.privateKey, verify: rsa.publicKey };
  const ec = generateKeyPairSync("ec", { namedCurve: curves[method as keyof typeof curves] });
  return { sign: ec.privateKey, verify: ec.publicKey };
}

function world(method: SignMethod = "HS256", keys = keysOf(method)) {
  const clock = new HandClock();
  const state = { revision: 3 };
  const tokens = new JwtTokens(
    { signMethod: method, ttlMs: 60_000 },
    { keys, clock, authRevision: () => state.revision },
  );
  return { clock, state, tokens };
}

const invalid = new KvError("auth.invalid-token");

test("every algorithm signs what it verifies", async (t) => {
  for (const method of signMethods) {
    const { tokens } = world(method);
    const token = await tokens.assign("u", 3);
    t.match((await tokens.identify(token)).caller(), { user: "u", authRevision: 3, token }, method);
    t.notOk(tokens.identify(token) instanceof Promise, "known from now on");
  }
});

test("a token ends at its time, remembered or not, and with a change of the auth store", async (t) => {
  const { clock, state, tokens } = world();
  const token = await tokens.assign("u", 3);
  const identity = await tokens.identify(token);
  state.revision = 4;
  t.throws(() => identity.caller(), new KvError("auth.old-revision"));
  state.revision = 3;
  await clock.advance(60_000);
  t.throws(() => identity.caller(), invalid);
  t.throws(() => tokens.identify(token), invalid);
  await t.rejects(async () => tokens.identify(token), invalid, "nor verified anew");
  await t.rejects(tokens.assign("u", 2), new KvError("auth.old-revision"));
});

test("what is not exactly ours is refused", async (t) => {
  const { tokens } = world();
  const sign = (claims: object, alg = "HS256", exp: number | null = 60): Promise<string> => {
    const jwt = new SignJWT({ ...claims }).setProtectedHeader({ alg });
    return (exp === null ? jwt : jwt.setExpirationTime(exp)).sign(secret);
  };
  const good = { username: "u", revision: 3 };
  const [header, payload, signature] = (await sign(good)).split(".");
  const unsigned = Buffer.from('{"alg":"none"}').toString("base64url");
  const bad = [
    "",
    "x.y.z",
    "a".repeat(10_000),
    `${unsigned}.${payload}.`,
    `${header}.${payload}.`,
    `${header}.${Buffer.from('{"username":"root","revision":3,"exp":60}').toString("base64url")}.${signature}`,
    await sign(good, "HS512"),
    await sign(good, "HS256", null),
    await sign({ username: "u" }),
    await sign({ revision: 3 }),
    await sign({ username: "", revision: 3 }),
    await sign({ username: 7, revision: 3 }),
    await sign({ username: "u", revision: "3" }),
    await sign({ ...good, nbf: 50 }),
  ];
  for (const token of bad) await t.rejects(async () => tokens.identify(token), invalid, token.slice(0, 60));
  t.ok(await tokens.identify(await sign(good)));
});

test("without a private key a member verifies and gives none", async (t) => {
  const keys = keysOf("EdDSA");
  const giver = world("EdDSA", keys);
  const { tokens } = world("EdDSA", { ...keys, sign: null });
  t.equal((await tokens.identify(await giver.tokens.assign("u", 3))).caller().user, "u");
  await t.rejects(tokens.assign("u", 3), { code: "kv.unknown" });
});
