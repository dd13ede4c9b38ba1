/**
 * The program of the password thread where there are no files beside the executable: build/bundle.ts puts worker.ts, bundled,
 * in the place of this module. Null: run it from its file.
 */
export const workerSource: string | null = null;
