/**
 * The keys of JSON Web Tokens, read once at start. PEM as etcd takes them: a private key (PKCS #1, PKCS #8, SEC 1), a public
 * key or a certificate; for HS... the whole file is the secret.
 */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import { ConfigError } from "../config.ts";
import type { JwtOptions, SignMethod } from "./options.ts";

export interface JwtKeys {
  /** Null: this member cannot give tokens. */
  readonly sign: KeyObject | null;
  readonly verify: KeyObject;
}

/** Throws ConfigError naming the path of a file that cannot be used. */
export async function readJwtKeys(options: JwtOptions): Promise<JwtKeys> {
  const { signMethod, privateKeyPath, publicKeyPath } = options;
  if (signMethod.startsWith("HS")) {
    const secret = await read(privateKeyPath!);
    if (secret.length === 0) throw problem(privateKeyPath!, "is empty");
    const key = createSecretKey(secret);
    return { sign: key, verify: key };
  }
  const sign = privateKeyPath === undefined ? null : await load(privateKeyPath, signMethod, createPrivateKey);
  const verify =
    publicKeyPath === undefined
      ? createPublicKey(sign!)
      : await load(publicKeyPath, signMethod, createPublicKey);
  if (sign !== null && !createPublicKey(sign).equals(verify)) {
    throw problem(publicKeyPath!, `does not belong to the private key ${privateKeyPath}`);
  }
  return { sign, verify };
}

async function load(
  path: string,
  signMethod: SignMethod,
  parse: (pem: Buffer) => KeyObject,
): Promise<KeyObject> {
  const pem = await read(path);
  let key: KeyObject;
  try {
    key = parse(pem);
  } catch {
    // The parser's own words could quote the file.
    throw problem(path, "does not hold a key in PEM form");
  }
  const wanted = keyTypes[signMethod.slice(0, 2)]!;
  if (!wanted.includes(key.asymmetricKeyType ?? "")) {
    throw problem(path, `holds a key of type ${key.asymmetricKeyType}; ${signMethod} needs ${wanted[0]}`);
  }
  return key;
}

const keyTypes: Readonly<Record<string, readonly string[]>> = {
  RS: ["rsa"],
  PS: ["rsa", "rsa-pss"],
  ES: ["ec"],
  Ed: ["ed25519"],
};

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw problem(path, `cannot be read: ${messageOf(error)}`);
  }
}

function problem(path: string, text: string): ConfigError {
  return new ConfigError("auth-token", `${path} ${text}`);
}
