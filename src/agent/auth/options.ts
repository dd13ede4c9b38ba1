/** The flags of auth (etcd.md 9.3, 9.5, 15.2): `--auth-token`, `--auth-token-ttl`, `--bcrypt-cost`. */
import { ConfigError, duration, integer, type RunFlags } from "../config.ts";

/** The signature algorithms of JSON Web Tokens (RFC 7518, RFC 8037) that etcd knows. */
export const signMethods = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "HS256",
  "HS384",
  "HS512",
  "EdDSA",
] as const;
export type SignMethod = (typeof signMethods)[number];

export interface JwtOptions {
  readonly type: "jwt";
  readonly signMethod: SignMethod;
  /** At least one of the two. Without a private key this member verifies tokens and gives none. */
  readonly publicKeyPath: string | undefined;
  readonly privateKeyPath: string | undefined;
  readonly ttlMs: number;
}

export interface SimpleTokenOptions {
  readonly type: "simple";
  /** Since the last use. */
  readonly ttlMs: number;
}

export interface AuthOptions {
  readonly token: SimpleTokenOptions | JwtOptions;
  /** Rounds of bcrypt, as a power of two. */
  readonly bcryptCost: number;
}

/** Throws ConfigError. */
export function parseAuth(flags: RunFlags): AuthOptions {
  return {
    token: parseToken(flags),
    bcryptCost: integer(flags, "bcrypt-cost", 10, { min: 4, max: 31 }),
  };
}

function parseToken(flags: RunFlags): SimpleTokenOptions | JwtOptions {
  const ttlSeconds = integer(flags, "auth-token-ttl", 300, { min: 1, max: 31_536_000 });
  const [type, ...rest] = (flags["auth-token"] ?? "simple").split(",");
  if (type === "simple") {
    if (rest.length > 0) throw invalid(`"simple" takes no options; use --auth-token-ttl`);
    return { type, ttlMs: ttlSeconds * 1000 };
  }
  if (type !== "jwt") throw invalid(`"${type}" is not simple or jwt`);
  return parseJwt(rest);
}

function parseJwt(parts: readonly string[]): JwtOptions {
  const given = new Map<string, string>();
  for (const part of parts) {
    const at = part.indexOf("=");
    if (at <= 0 || at === part.length - 1) throw invalid(`"${part}" is not of the form key=value`);
    const key = part.slice(0, at);
    if (!["pub-key", "priv-key", "sign-method", "ttl"].includes(key)) {
      throw invalid(`"${key}" is not one of pub-key, priv-key, sign-method, ttl`);
    }
    if (given.has(key)) throw invalid(`"${key}" is given twice`);
    given.set(key, part.slice(at + 1));
  }
  const method = given.get("sign-method");
  const signMethod = signMethods.find((known) => known === method);
  if (signMethod === undefined) {
    throw invalid(`sign-method ${method ?? "is missing; it"} must be one of ${signMethods.join(", ")}`);
  }
  const publicKeyPath = given.get("pub-key");
  const privateKeyPath = given.get("priv-key");
  if (signMethod.startsWith("HS") && privateKeyPath === undefined) {
    throw invalid(`${signMethod} needs priv-key=PATH, the file of the shared secret`);
  }
  if (publicKeyPath === undefined && privateKeyPath === undefined) {
    throw invalid("jwt needs priv-key=PATH to give tokens, or pub-key=PATH to verify them");
  }
  const ttlMs = duration({ "auth-token": given.get("ttl") }, "auth-token", 5 * 60_000, {
    min: 1000,
    max: 31_536_000_000,
  });
  return { type: "jwt", signMethod, publicKeyPath, privateKeyPath, ttlMs };
}

function invalid(problem: string): ConfigError {
  return new ConfigError("auth-token", problem);
}
