import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { SubnetEnvFile, SubnetFileError } from "../../../../src/host/network/subnet-env-file.ts";

test("subnet.env is written whole, and not again for the same content", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "argosy-subnet-env-"));
  t.teardown(() => rmSync(root, { recursive: true }));
  const path = join(root, "flannel", "subnet.env");
  const file = new SubnetEnvFile(path);
  t.equal(file.read(), null);
  file.write("a\n");
  t.equal(readFileSync(path, "utf8"), "a\n");
  t.equal(statSync(path).mode & 0o777, 0o644);
  t.equal(statSync(join(root, "flannel")).mode & 0o777, 0o755);
  const { ino } = statSync(path);
  file.write("a\n");
  t.equal(statSync(path).ino, ino, "the same file");
  file.write("b\n");
  t.equal(file.read(), "b\n");
  t.notOk(existsSync(`${path}.tmp`));
  mkdirSync(join(root, "directory"));
  t.throws(() => new SubnetEnvFile(join(root, "directory")).write("x"), SubnetFileError);
});
