/** The address of this host that others would use, as far as the interfaces tell. */
import { networkInterfaces } from "node:os";

/** The first IPv4 address that is not loopback, or 127.0.0.1. */
export function primaryAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((address) => address.family === "IPv4" && !address.internal)?.address ?? "127.0.0.1";
}
