/** grpcio as a client (test/clients/python), in an environment of its own. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clientsDirectory, foreignClientTest, protoDirectory, run } from "./foreign-client.ts";

foreignClientTest({
  language: "Python",
  tools: ["python3"],
  async build(cache) {
    const python = await environment(join(cache, "venv"));
    const stubs = join(cache, "stubs");
    await mkdir(stubs, { recursive: true });
    const files = ["kv.proto", "auth.proto", "rpc.proto", "lock.proto"];
    const out = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`];
    await run(python, ["-m", "grpc_tools.protoc", `-I${protoDirectory}`, ...out, ...files]);
    const program = join(clientsDirectory, "python", "client.py");
    return { command: python, args: (endpoint) => [program, endpoint, stubs] };
  },
});

/** The interpreter of a virtual environment with what requirements.txt names; made again when that changes. */
async function environment(directory: string): Promise<string> {
  const requirements = join(clientsDirectory, "python", "requirements.txt");
  const wanted = await readFile(requirements, "utf8");
  const python = join(directory, "bin", "python");
  const done = join(directory, "installed.txt");
  if (existsSync(done) && (await readFile(done, "utf8")) === wanted && existsSync(python)) return python;
  await rm(directory, { recursive: true, force: true });
  await run("python3", ["-m", "venv", directory]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  await writeFile(done, wanted);
  return python;
}
