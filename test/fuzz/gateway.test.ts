/**
 * The gateway against rubbish: seeded mutations of valid requests, files that were awkward once (gateway/*.body: the path, a
 * newline, the body), broken HTTP and broken WebSocket frames. Every answer is JSON with a code, no failure is a bug of
 * ours, and afterwards the server works as before. ARGOSY_FUZZ_SEED=n runs another seed, ARGOSY_FUZZ_RUNS=n more of it.
 */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { connect } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Test, test } from "tap";
import { WebSocket } from "ws";
import { ServerAdmin } from "../../src/agent/admin.ts";
import { gateElsewhere } from "../../src/api/v3/gate.ts";
import { v3Methods } from "../../src/api/v3/methods.ts";
import { KvError } from "../../src/store/kv.ts";
import { type GatewayAnswer, post } from "../support/gateway-client.ts";
import { MemoryKv } from "../support/memory-kv.ts";
import { seededRandom } from "../support/random.ts";
import { type GatewayPort, openGateway } from "../unit/api/gateway/gateway-port.ts";
import { mutated, validBodies } from "./gateway-bodies.ts";

const seeds = process.env.ARGOSY_FUZZ_SEED ? [Number(process.env.ARGOSY_FUZZ_SEED)] : [1, 2, 3, 20_261];
const runs = Number(process.env.ARGOSY_FUZZ_RUNS ?? 400);
const corpus = fileURLToPath(new URL("./gateway/", import.meta.url));

async function open(t: Test): Promise<GatewayPort> {
  const admin = new ServerAdmin({
    handlers: {},
    snapshot: () => {
      throw new KvError("kv.unimplemented", "method Snapshot not implemented");
    },
    header: () => ({ cluster_id: 0n, member_id: 0n, revision: 0, raft_term: 0n }),
  });
  const methods = v3Methods({ kv: new MemoryKv(), admin, gate: gateElsewhere });
  return openGateway(t, Object.fromEntries(methods));
}

/** Streams end only with their client or an error, so each gets one: what can never be read. */
const stop = Buffer.from("\n]");

function bodyOf(path: string, body: Buffer): Buffer {
  return path === "/v3/watch" ? Buffer.concat([body, stop]) : body;
}

/** What is wrong with an answer, or null. */
function complaint({ status, text }: GatewayAnswer): string | null {
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  try {
    if (status === 200) {
      for (const line of text.split("\n")) if (line !== "") JSON.parse(line);
      return null;
    }
    if (status < 400) return `status ${status}`;
    const body = JSON.parse(last);
    const { code, grpc_code = code, message } = typeof body.error === "object" ? body.error : body;
    if (typeof message !== "string" || message === "") return "no message";
    // Unknown is what a bug of ours becomes; elections speak so, too, but in etcd's words.
    const bug = status === 500 && !/^(?:etcdserver: |election: |"leader" field)/.test(message);
    return typeof grpc_code === "number" && !bug ? null : `status ${status}: ${message}`;
  } catch {
    return `status ${status}, not JSON: ${text.slice(0, 200)}`;
  }
}

async function works(t: Test, { endpoint }: GatewayPort, agent?: Agent): Promise<void> {
  const options = agent ? { agent } : {};
  t.equal((await post(endpoint, "/v3/kv/put", '{"key":"b2s="}', options)).status, 200, "works as before");
}

for (const seed of seeds) {
  test(`mutations, seed ${seed}`, async (t) => {
    const port = await open(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => agent.destroy());
    const random = seededRandom(seed);
    for (let run = 0; run < runs; run++) {
      const [path, body] = random.pick(validBodies);
      const bytes = bodyOf(path, mutated(body, random));
      const problem = complaint(await post(port.endpoint, path, bytes, { agent }));
      if (problem) t.fail(`${problem}\n${path}\n${bytes.toString("latin1")}`);
    }
    await works(t, port, agent);
  });
}

test("the corpus", async (t) => {
  const port = await open(t);
  const files = (await readdir(corpus)).filter((name) => name.endsWith(".body"));
  t.ok(files.length > 10);
  for (const name of files.sort()) {
    const content = await readFile(corpus + name);
    const end = content.indexOf("\n");
    const path = content.toString("utf8", 0, end);
    const answer = await post(port.endpoint, path, bodyOf(path, content.subarray(end + 1)));
    t.equal(complaint(answer), null, name);
    t.ok(answer.status >= 400 || /"error"/.test(answer.text), `${name} is refused`);
  }
  await works(t, port);
});

test("nesting and size", async (t) => {
  const port = await open(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const table: [string, string, number][] = [
    ["lists", "[".repeat(2_000_000), 400],
    ["objects", '{"a":'.repeat(500_000), 400],
    ["unknown but whole", `{"a":${"[".repeat(9_000)}${"]".repeat(9_000)}}`, 400],
    ["with a long number", `{"b":12345678901234567,"a":${"[".repeat(9_990)}${"]".repeat(9_990)}}`, 400],
    ["nested transactions", `${'{"success":[{"request_txn":'.repeat(200)}{}${"}]}".repeat(200)}`, 400],
    ["a long body", `{"key":"${"A".repeat(6_000_000)}"}`, 429],
    ["a long message", `{"key":"${"A".repeat(3_000_000)}"}`, 429],
    ["a long number", `{"lease":${"9".repeat(1_000_000)}}`, 400],
    ["many elements", `{"success":[${"{},".repeat(100_000)}{}]}`, 429],
    ["a long name", `{"${"x".repeat(1_000_000)}":1}`, 400],
  ];
  for (const [name, body, status] of table) {
    const answer = await post(port.endpoint, "/v3/kv/txn", body, { agent });
    t.equal(complaint(answer), null, name);
    // An empty transaction is a valid one: what is unknown is ignored.
    t.ok(answer.status === status || answer.status === 200, `${name}: ${answer.status}`);
  }
  await works(t, port, agent);
});

test("broken HTTP", async (t) => {
  const port = await open(t);
  const [host, at] = port.endpoint.split(":");
  const head = "POST /v3/watch HTTP/1.1\r\nhost: x\r\n";
  const rubbish = [
    `${head}transfer-encoding: chunked\r\n\r\nZZ\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\n5\r\n{"a":`,
    `${head}content-length: 100\r\n\r\n{"create_request":{}}`,
    `${head}content-length: -1\r\n\r\n`,
    `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${head}grpc-timeout: \u0000\r\n\r\n`,
    "POST /v3/%zz HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    "POST /v3/../../kv/put HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
    "BREW /v3/kv/put HTTP/1.1\r\nhost: x\r\n\r\n",
    "POST /v3/kv/put HTTP/9.9\r\n\r\n",
    "\u0000\u0001\u0002",
    `POST /v3/kv/put HTTP/1.1\r\nx: ${"y".repeat(100_000)}\r\n\r\n`,
    "GET /v3/watch HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "GET /v3/watch HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 99\r\n\r\n",
  ];
  for (const bytes of rubbish) {
    const socket = connect(Number(at), host);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.end(Buffer.from(bytes, "latin1"));
    socket.resume();
    await Promise.race([once(socket, "close"), once(socket, "end"), once(socket, "data")]);
    socket.destroy();
    await works(t, port);
  }
});

test("broken WebSockets", async (t) => {
  const port = await open(t);
  const random = seededRandom(7);
  for (let run = 0; run < 60; run++) {
    const [path, body] = random.pick(validBodies);
    const socket = new WebSocket(`ws://${port.endpoint}${path}`);
    socket.on("error", () => {});
    const closed = once(socket, "close");
    await once(socket, "open");
    const frame = Buffer.concat([mutated(body, random), stop]);
    if (random.chance(0.5)) socket.send(frame, { binary: random.chance(0.5), fin: random.chance(0.7) });
    else (socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(frame);
    if (random.chance(0.3)) socket.terminate();
    else socket.close();
    await closed;
  }
  await works(t, port);
});
