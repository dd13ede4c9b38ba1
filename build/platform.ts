/** What the executable is made of on one platform: the runtime and the two native addons, all from npm packages. */
import { fileURLToPath } from "node:url";

/** The repository's root, with a slash at the end. */
export const root = fileURLToPath(new URL("../", import.meta.url));

export type Arch = "x64" | "arm64";

export interface Platform {
  readonly arch: Arch;
  /** Path of the Node binary. */
  readonly runtime: string;
  /** Addon name -> path of its prebuilt file for glibc. */
  readonly addons: Readonly<Record<string, string>>;
}

/**
 * The parts for Linux with glibc on `arch`. For the other architecture than the machine's, fetch its packages first:
 * `npm ci --cpu arm64 --os linux` into a copy of the repository.
 */
export function platform(arch: Arch): Platform {
  const modules = `${root}node_modules/`;
  const level = arch === "x64" ? "linux-x64/classic-level.node" : "linux-arm64/classic-level.armv8.node";
  return {
    arch,
    runtime: `${modules}node-linux-${arch}/bin/node`,
    addons: {
      "classic-level": `${modules}classic-level/prebuilds/${level}`,
      koffi: `${modules}@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`,
    },
  };
}

/** `value` as an architecture that we build for, or an error that names them. */
export function archOf(value: string): Arch {
  if (value === "x64" || value === "arm64") return value;
  throw new Error(`--arch ${value}: only x64 and arm64 can be built`);
}
