import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Test, test } from "tap";
import { connectDbus } from "../../../../src/host/dbus/connection.ts";

/** A socket behind which somebody accepts and, from `line` on, says nothing more. */
async function frozen(t: Test, line: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "argosy-dbus-"));
  const path = join(directory, "socket");
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    if (line) socket.write(line);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });
  return path;
}

test("a service that is frozen is given up", async (t) => {
  const before = await frozen(t, "");
  await t.rejects(connectDbus({ path: before, bus: false, uid: 0, connectMs: 50 }), { code: "dbus.refused" });
  const greeting = await frozen(t, "OK 1234deadbeef\r\n");
  await t.rejects(connectDbus({ path: greeting, bus: true, uid: 0, connectMs: 50 }), { code: "dbus.closed" });
});

test("the deadline ends with the connecting", async (t) => {
  const path = await frozen(t, "OK 1234deadbeef\r\n");
  const connection = await connectDbus({ path, bus: false, uid: 0, connectMs: 50 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.notOk(connection.closed);
  connection.close();
});
