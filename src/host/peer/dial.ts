/** Opens a connection to a member and goes through the greeting: hello out, welcome or refused in. */
import { createConnection, Socket } from "node:net";
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { Connection } from "./connection.ts";
import { PeerCodecError } from "./errors.ts";
import { type Frame, frameTypes } from "./frame.ts";
import { decodeRefused, encodeHello, type Hello, refusedFor } from "./handshake.ts";

/** From the first packet to the welcome. */
const greetingMs = 3000;

export interface DialHandlers {
  /** The peer speaks to us. */
  welcomed(connection: Connection): void;
  /** Every later frame. */
  frame(frame: Frame): void;
  /** Once: not connected, refused or closed later. */
  closed(reason: string): void;
}

/** `url` is a peer URL such as http://10.0.0.1:2380. Never throws; returns how to give up. */
export function dial(
  options: { readonly url: string; readonly hello: Hello },
  modules: { readonly clock: Clock; readonly handlers: DialHandlers },
): { close(reason: string): void } {
  const { clock, handlers } = modules;
  let greeted = false;
  const connection = new Connection(
    { socket: connectTo(options.url) },
    {
      clock,
      handlers: {
        frame(frame) {
          if (greeted) handlers.frame(frame);
          else if (frame.type === frameTypes.welcome) {
            greeted = true;
            deadline.cancel();
            connection.greeted();
            handlers.welcomed(connection);
          } else if (frame.type === frameTypes.refused) {
            connection.close(refusedFor(decodeRefused(frame.body)));
          } else throw new PeerCodecError(`frame ${frame.type} in place of a welcome`);
        },
        closed(reason) {
          deadline.cancel();
          handlers.closed(reason);
        },
      },
    },
  );
  const deadline = clock.at(Instant(clock.now() + greetingMs), () => connection.close("no answer in time"));
  connection.write(encodeHello(options.hello));
  return connection;
}

function connectTo(text: string): Socket {
  const url = URL.parse(text);
  if (url === null) return new Socket().destroy(new Error(`"${text}" is not a URL`));
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return createConnection({ host, port: Number(url.port || "2380") });
}
