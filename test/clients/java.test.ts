/** grpc-java as a client (test/clients/java), built by Maven. */
import { join } from "node:path";
import { clientsDirectory, foreignClientTest, run } from "./foreign-client.ts";

foreignClientTest({
  language: "Java",
  tools: ["java", "javac", "mvn"],
  async build(cache) {
    const target = join(cache, "target");
    const places = [`-Dmaven.repo.local=${join(cache, "repository")}`, `-DbuildDirectory=${target}`];
    const pom = join(clientsDirectory, "java", "pom.xml");
    await run("mvn", ["--quiet", "--batch-mode", ...places, "-f", pom, "process-classes"]);
    const classes = `${join(target, "classes")}:${join(target, "dependency", "*")}`;
    return { command: "java", args: (endpoint) => ["-cp", classes, "Client", endpoint] };
  },
});
