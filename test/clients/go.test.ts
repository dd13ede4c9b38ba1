/** grpc-go as a client (test/clients/go). */
import { join } from "node:path";
import { clientsDirectory, foreignClientTest, protoDirectory, run } from "./foreign-client.ts";

foreignClientTest({
  language: "Go",
  tools: ["go"],
  async build(cache) {
    const program = join(cache, "client");
    await run("go", ["build", "-o", program, "."], { cwd: join(clientsDirectory, "go") });
    return { command: program, args: (endpoint) => [endpoint, protoDirectory] };
  },
});
