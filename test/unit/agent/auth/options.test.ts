/** The flags of auth, and the key files that they name. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { readJwtKeys } from "../../../../src/agent/auth/jwt-keys.ts";
import { type JwtOptions, parseAuth } from "../../../../src/agent/auth/options.ts";
import { ConfigError } from "../../../../src/agent/config.ts";

test("defaults are etcd's", (t) => {
  t.same(parseAuth({}), { token: { type: "simple", ttlMs: 300_000 }, bcryptCost: 10 });
  t.same(parseAuth({ "auth-token": "simple", "auth-token-ttl": "5", "bcrypt-cost": "4" }), {
    token: { type: "simple", ttlMs: 5000 },
    bcryptCost: 4,
  });
  t.end();
});

test("jwt takes its options in any order", (t) => {
  t.same(parseAuth({ "auth-token": "jwt,ttl=10m,sign-method=PS512,pub-key=/p,priv-key=/k" }).token, {
    type: "jwt",
    signMethod: "PS512",
    publicKeyPath: "/p",
    privateKeyPath: "/k",
    ttlMs: 600_000,
  });
  t.match(parseAuth({ "auth-token": "jwt,pub-key=/p,sign-method=EdDSA" }).token, { ttlMs: 300_000 });
  t.end();
});

test("what cannot be used names its flag", (t) => {
  const table: [Record<string, string>, string, RegExp][] = [
    [{ "bcrypt-cost": "3" }, "bcrypt-cost", /4 to 31/],
    [{ "bcrypt-cost": "32" }, "bcrypt-cost", /4 to 31/],
    [{ "auth-token-ttl": "0" }, "auth-token-ttl", /from 1/],
    [{ "auth-token-ttl": "5m" }, "auth-token-ttl", /whole number/],
    [{ "auth-token": "" }, "auth-token", /simple or jwt/],
    [{ "auth-token": "token" }, "auth-token", /simple or jwt/],
    [{ "auth-token": "simple,ttl=5" }, "auth-token", /no options/],
    [{ "auth-token": "jwt" }, "auth-token", /sign-method is missing/],
    [{ "auth-token": "jwt,sign-method=RS128,priv-key=/k" }, "auth-token", /must be one of/],
    [{ "auth-token": "jwt,sign-method=RS256" }, "auth-token", /priv-key=PATH/],
    [{ "auth-token": "jwt,sign-method=HS256,pub-key=/p" }, "auth-token", /shared secret/],
    [{ "auth-token": "jwt,sign-method=RS256,priv-key" }, "auth-token", /key=value/],
    [{ "auth-token": "jwt,sign-method=RS256,key=/k" }, "auth-token", /is not one of/],
    [{ "auth-token": "jwt,sign-method=RS256,priv-key=/k,priv-key=/k" }, "auth-token", /twice/],
    [{ "auth-token": "jwt,sign-method=RS256,priv-key=/k,ttl=10" }, "auth-token", /duration/],
  ];
  for (const [flags, flag, problem] of table) {
    try {
      parseAuth(flags);
      t.fail(JSON.stringify(flags));
    } catch (error) {
      t.ok(error instanceof ConfigError && error.detail.flag === flag, JSON.stringify(flags));
      t.match((error as Error).message, problem);
    }
  }
  t.end();
});

test("key files are read once, and a problem names the path", async (t) => {
  const directory = t.testdir();
  const file = (name: string, content: string | Buffer): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  const pem = { format: "pem" } as const;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const priv = file("ec.key", ec.privateKey.export({ type: "sec1", ...pem }));
  const pub = file("ec.pub", ec.publicKey.export({ type: "spki", ...pem }));
  const otherPub = file("other.pub", other.publicKey.export({ type: "spki", ...pem }));
  const rsaKey = file("rsa.key", rsa.privateKey.export({ type: "pkcs1", ...pem }));
  const junk = file("junk", "secret text");
  const options = (signMethod: string, privateKeyPath?: string, publicKeyPath?: string): JwtOptions => ({
    type: "jwt",
    signMethod: signMethod as JwtOptions["signMethod"],
    privateKeyPath,
    publicKeyPath,
    ttlMs: 1000,
  });
  t.ok((await readJwtKeys(options("ES256", priv, pub))).sign);
  t.equal((await readJwtKeys(options("ES256", undefined, pub))).sign, null);
  t.ok((await readJwtKeys(options("ES256", priv))).verify);
  t.ok((await readJwtKeys(options("RS256", rsaKey))).sign);
  t.ok((await readJwtKeys(options("HS256", junk))).sign);
  const table: [JwtOptions, RegExp][] = [
    [options("ES256", join(directory, "none")), /none cannot be read/],
    [options("ES256", junk), /junk does not hold a key/],
    [options("RS256", priv), /of type ec; RS256 needs rsa/],
    [options("ES256", priv, otherPub), /other.pub does not belong/],
    [options("HS256", file("empty", "")), /empty is empty/],
  ];
  for (const [given, problem] of table) {
    await t.rejects(readJwtKeys(given), problem);
    await readJwtKeys(given).catch((error: Error) => t.notMatch(error.message, /secret text/));
  }
});
