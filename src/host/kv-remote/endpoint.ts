/** Endpoints as an operator writes them: `http://host:port`, or `host:port` for short. */
import { RemoteKvError } from "./errors.ts";

/** The origin to connect to. Throws RemoteKvError. */
export function parseEndpoint(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || url.hostname === "") throw new RemoteKvError(text, "is not http://host:port");
  if (url.protocol === "https:") throw new RemoteKvError(text, "https is not supported yet; use http");
  if (url.protocol !== "http:") throw new RemoteKvError(text, `scheme ${url.protocol} is not http`);
  if (url.pathname !== "/" || url.search !== "") throw new RemoteKvError(text, "must not have a path");
  if (url.port === "") throw new RemoteKvError(text, "needs a port, such as :2379");
  return url;
}
