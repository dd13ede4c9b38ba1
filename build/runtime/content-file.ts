/**
 * A file named after its content, in a private directory: either it holds exactly the bytes that its name promises, or
 * it is replaced. Two processes may do this at once; the rename makes each see a whole file.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** Hexadecimal SHA-256. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * The path of a file in `directory` with the content `bytes()`, whose SHA-256 is `digest`. An existing file is read
 * back and compared; one that is foreign, linked, writable by others or altered is never returned but written anew.
 */
export function contentFile(
  directory: string,
  name: string,
  digest: string,
  uid: number,
  bytes: () => Uint8Array,
): string {
  const path = join(directory, `${name}-${digest}.node`);
  if (isIntact(path, digest, uid)) return path;
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeWhole(aside, bytes());
    if (!isIntact(aside, digest, uid)) throw new Error(`${aside} does not hold what was written to it`);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
  return path;
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const fd = openSync(
    path,
    constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW,
    0o500,
  );
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}

function isIntact(path: string, digest: string, uid: number): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return false;
  }
  try {
    const state = fstatSync(fd);
    if (!state.isFile() || state.uid !== uid || (state.mode & 0o022) !== 0) return false;
    return sha256(readFileSync(fd)) === digest;
  } finally {
    closeSync(fd);
  }
}
