/** /run/flannel/subnet.env on disk: replaced whole by rename, so that a reader sees the old file or the new one. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError, errnoOf, messageOf } from "../../base/errors.ts";

/** The file could not be read or replaced; the old one, if any, is as it was. */
export class SubnetFileError extends AgentError<{ code: "network.subnet-file"; path: string }> {
  override readonly name = "SubnetFileError";
}

/** Synchronous on purpose: a few hundred bytes, on tmpfs, twice in an agent's life. */
export class SubnetEnvFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The content, or null if there is no file. Throws SubnetFileError. */
  read(): string | null {
    try {
      return readFileSync(this.path, "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return null;
      throw this.#failed("read", error);
    }
  }

  /** Writes the file (mode 0644) and its directory (0755) unless it already has this content. Throws SubnetFileError. */
  write(content: string): void {
    if (this.read() === content) return;
    const draft = `${this.path}.tmp`;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o755 });
      writeFileSync(draft, content, { mode: 0o644 });
      // The mode at creation is cut by the umask; Docker and CNI may read as another user.
      chmodSync(draft, 0o644);
      renameSync(draft, this.path);
    } catch (error) {
      throw this.#failed("write", error);
    }
  }

  #failed(verb: string, cause: unknown): SubnetFileError {
    const detail = { code: "network.subnet-file", path: this.path } as const;
    return new SubnetFileError(`cannot ${verb} ${this.path}: ${messageOf(cause)}`, detail, { cause });
  }
}
