/** The version of this program: what the build wrote in (package.json's), or `0.0.0-source` when run from source. */
declare const __ARGOSY_VERSION__: string | undefined;

export const agentVersion: string =
  typeof __ARGOSY_VERSION__ === "undefined" ? "0.0.0-source" : __ARGOSY_VERSION__;
