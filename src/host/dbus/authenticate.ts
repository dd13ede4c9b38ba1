/** SASL EXTERNAL (D-Bus specification, "Authentication Protocol"): the kernel vouches for our uid, no secret is sent. */
import type { Socket } from "node:net";
import { DbusError } from "./errors.ts";

const lineBytesMax = 16_384;

/**
 * Authenticates on a fresh connection and leaves it paused, with the message stream begun. Resolves with bytes that already belong
 * to the message stream. Rejects with `dbus.refused`; the caller destroys the socket.
 */
export function authenticate(socket: Socket, options: { uid: number; path: string }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const refuse = (why: string, cause?: unknown): void => {
      detach();
      reject(
        new DbusError(
          `D-Bus at ${options.path}: ${why}`,
          { code: "dbus.refused", path: options.path },
          { cause },
        ),
      );
    };
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n");
      if (end < 0) {
        if (received.length > lineBytesMax) refuse("no answer line");
        return;
      }
      if (!received.toString("latin1", 0, end).startsWith("OK ")) {
        refuse("authentication was rejected");
        return;
      }
      detach();
      socket.pause();
      resolve(received.subarray(end + 2));
    };
    const onError = (error: Error): void => refuse("connection failed", error);
    const onClose = (): void => refuse("connection closed during authentication");
    const detach = (): void => {
      socket.off("data", onData).off("error", onError).off("close", onClose);
    };
    socket.on("data", onData).on("error", onError).on("close", onClose);
    const identity = Buffer.from(String(options.uid), "latin1").toString("hex");
    // BEGIN goes with AUTH, before the answer: systemd 252, on its private socket, forgets a message that it reads together
    // with BEGIN until more bytes arrive (tried: the call then hangs).
    socket.write(`\0AUTH EXTERNAL ${identity}\r\nBEGIN\r\n`);
  });
}
