/** Where the executable keeps its native parts: what is foreign or altered is never loaded. */
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "tap";
import { contentFile, sha256 } from "../../build/runtime/content-file.ts";
import { candidateDirectories, openPrivateDirectory } from "../../build/runtime/private-directory.ts";

const uid = process.getuid?.() ?? 0;
const content = Buffer.from("machine code");
const digest = sha256(content);
const keep = (directory: string) => contentFile(directory, "part", digest, uid, () => content);

test("candidates depend on who runs it", async (t) => {
  const cases: Array<[uid: number, env: Record<string, string>, expected: string[]]> = [
    [0, {}, ["/var/cache/argosy", "/run/argosy", "/tmp/argosy-0"]],
    [
      0,
      { CACHE_DIRECTORY: "/var/cache/a:/x" },
      ["/var/cache/a/native", "/var/cache/argosy", "/run/argosy", "/tmp/argosy-0"],
    ],
    [
      7,
      { HOME: "/home/u", XDG_RUNTIME_DIR: "/run/user/7" },
      ["/home/u/.cache/argosy", "/run/user/7/argosy", "/tmp/argosy-7"],
    ],
    [7, { HOME: "/home/u", XDG_CACHE_HOME: "relative" }, ["/tmp/argosy-7"]],
    [7, {}, ["/tmp/argosy-7"]],
  ];
  for (const [who, env, expected] of cases) t.same(candidateDirectories({ uid: who, env }), expected);
});

test("a directory is made for this user alone", async (t) => {
  const path = join(t.testdir(), "own");
  t.equal(openPrivateDirectory(path, uid), path);
  t.equal(statSync(path).mode & 0o777, 0o700);
  t.equal(openPrivateDirectory(path, uid), path, "and found again");
});

test("a directory that others can change is refused", async (t) => {
  const top = t.testdir({ open: {}, file: "", real: {}, above: { below: {} } });
  chmodSync(join(top, "open"), 0o777);
  t.throws(() => openPrivateDirectory(join(top, "open"), uid), /writable by others/);
  t.throws(() => openPrivateDirectory(join(top, "file"), uid), /not a directory/);
  symlinkSync(join(top, "real"), join(top, "link"));
  t.throws(() => openPrivateDirectory(join(top, "link"), uid), /not a directory/);
  t.throws(() => openPrivateDirectory(join(top, "real"), uid + 1), /belongs to user/);
  chmodSync(join(top, "above"), 0o777);
  t.throws(() => openPrivateDirectory(join(top, "above/below"), uid), /above is writable by others/);
  chmodSync(join(top, "above"), 0o1777);
  t.doesNotThrow(
    () => openPrivateDirectory(join(top, "above/below"), uid),
    "unless it is sticky, as /tmp is",
  );
});

test("a file is written once and kept", async (t) => {
  const directory = t.testdir();
  const path = keep(directory);
  t.match(path, digest);
  t.equal(statSync(path).mode & 0o777, 0o500);
  const { ino } = statSync(path);
  t.equal(keep(directory), path);
  t.equal(statSync(path).ino, ino);
});

test("an altered, writable or linked file is replaced", async (t) => {
  const spoil: Record<string, (path: string) => void> = {
    altered: (path) => {
      chmodSync(path, 0o700);
      writeFileSync(path, "other code");
    },
    writable: (path) => chmodSync(path, 0o722),
  };
  for (const [name, act] of Object.entries(spoil)) {
    const directory = t.testdir();
    const path = keep(directory);
    const { ino } = statSync(path);
    act(path);
    t.equal(keep(directory), path, name);
    t.same(readFileSync(path), content, name);
    t.not(statSync(path).ino, ino, `${name}: a new file`);
  }
  const directory = t.testdir({ else: "machine code" });
  const path = join(directory, `part-${digest}.node`);
  symlinkSync(join(directory, "else"), path);
  keep(directory);
  t.notOk(statSync(path).ino === statSync(join(directory, "else")).ino, "the link is gone");
});

test("an asset that is not what the bundle says is never kept", async (t) => {
  const directory = t.testdir({});
  t.throws(() => contentFile(directory, "part", digest, uid, () => Buffer.from("forged")), /does not hold/);
});

test("a file of another user is replaced", { skip: uid === 0 ? false : "needs root: chown" }, async (t) => {
  const path = keep(t.testdir());
  chownSync(path, 65534, 65534);
  mkdirSync(join(dirname(path), "x"));
  t.equal(keep(dirname(path)), path);
  t.equal(statSync(path).uid, 0);
});
