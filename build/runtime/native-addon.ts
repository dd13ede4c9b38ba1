/**
 * Loads a native addon that travels inside the executable. The kernel's loader wants a file, so the addon is written
 * once to a private directory (see the neighbours) and opened from there. The digest is a constant of the bundle, so
 * even the asset is not believed without a check.
 */
import { constants } from "node:os";
import process from "node:process";
import { getRawAsset } from "node:sea";
import { contentFile } from "./content-file.ts";
import { candidateDirectories, openPrivateDirectory } from "./private-directory.ts";

/** Loads the asset `name` (SHA-256 `digest`) and returns its exports. Throws one line with every place that was tried. */
export function loadNativeAddon(name: string, digest: string): unknown {
  const uid = process.geteuid?.() ?? 0;
  const refused: string[] = [];
  for (const candidate of candidateDirectories({ uid, env: process.env })) {
    try {
      const directory = openPrivateDirectory(candidate, uid);
      const path = contentFile(
        directory,
        name,
        digest,
        uid,
        () => new Uint8Array(getRawAsset(`${name}.node`)),
      );
      const module = { exports: {} };
      process.dlopen(module, path, constants.dlopen.RTLD_NOW);
      return module.exports;
    } catch (error) {
      refused.push(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
  }
  throw new Error(
    `cannot keep the native part "${name}" anywhere (${refused.join("; ")}); ` +
      "give a directory that only this user can write to, on a file system without noexec, in CACHE_DIRECTORY",
  );
}
