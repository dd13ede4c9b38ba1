/** An agent that is not there, or is not one: one line that names the endpoint and says what to do. */
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { test } from "tap";
import { call } from "./fake-terminal.ts";

async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("nothing useful answers", async (t) => {
  const serve = async (listener: RequestListener) => {
    const server = createServer(listener);
    t.teardown(() => server.close());
    return listen(server);
  };
  const closed = createTcpServer();
  const nobody = await listen(closed);
  closed.close();
  const rude = createTcpServer((socket) => socket.destroy());
  t.teardown(() => rude.close());

  const table: ReadonlyArray<readonly [endpoint: string, line: RegExp]> = [
    [nobody, /cannot reach http:\/\/127.* \(connection refused\); start the agent there with "agent run"/],
    [await listen(rude), /\(connection reset\)/],
    ["http://no-such-host.invalid:1", /\(unknown host name\)|cannot be resolved|is not an Argosy agent/],
    [
      await serve((_request, response) => response.writeHead(404).end("404 page not found\n")),
      /not an Argosy agent/,
    ],
    [await serve((_request, response) => response.writeHead(200).end("<html>")), /is not an Argosy agent/],
    [
      await serve((_request, response) =>
        response.writeHead(503).end('{"error":{"code":"kv.no-leader","message":"there is no leader"}}'),
      ),
      /refused: there is no leader$/m,
    ],
    [
      await serve((_request, response) => response.writeHead(500).end('{"error":{"message":""}}')),
      /HTTP status 500/,
    ],
  ];
  for (const [endpoint, line] of table) {
    for (const command of ["status", "unit list", "machine list", "net config get"]) {
      const seen = await call(`${command} --endpoint ${endpoint}`);
      t.equal(seen.code, 1, `${command} ${endpoint}`);
      t.equal(seen.out, "");
      t.match(seen.err, line, command);
      t.match(seen.err, /^agent: .*\n$/, "one line");
    }
  }
});
