/** Whether this host has a systemd that we may drive, and the driver if so. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import type { UnitDriver } from "../../units/driver.ts";
import { connectDbus, type DbusConnection } from "../dbus/connection.ts";
import { openSystemdDriver } from "./driver.ts";
import { type HostLock, lockHost } from "./host-lock.ts";

export interface SystemdOptions {
  /** fleet's units_directory. */
  readonly unitsDirectory: string;
}

export const defaultUnitsDirectory = "/run/fleet/units";

/** Written by systemd at its start; sd_booted(3) looks for it too. */
const systemdDirectory = "/run/systemd/system";
const busSocket = "/run/dbus/system_bus_socket";
const privateSocket = "/run/systemd/private";

/** Longest that systemd may take over all that has to be asked before units can run: a reload of its files is part of it. */
const openMs = 10_000;

/** Outcome of a probe: the driver, or one line that says why there is none. */
export type SystemdProbe =
  | { readonly driver: UnitDriver }
  | { readonly driver: null; readonly reason: string };

/** Connects to systemd over the system bus or, as root, over its private socket. Never rejects. */
export async function probeSystemd(
  options: SystemdOptions,
  modules: { readonly clock: Clock },
): Promise<SystemdProbe> {
  const booted = await stat(systemdDirectory).catch(() => null);
  if (!booted?.isDirectory()) return no("systemd is not running on this host");
  const uid = process.getuid?.() ?? -1;
  if (uid !== 0) return no("driving systemd needs root");
  let connection: DbusConnection | null = null;
  let lock: HostLock | null = null;
  try {
    lock = await lockHost(join(options.unitsDirectory, ".."));
    if (!lock) return no("another agent drives this host's units");
    connection = await connectEither(uid);
    const directories = {
      unitsDirectory: options.unitsDirectory,
      launchedDirectory: join(options.unitsDirectory, "..", "launched"),
      systemdDirectory,
    };
    const { clock } = modules;
    const opening = openSystemdDriver(directories, { connection, clock, lock });
    return { driver: await withDeadline(opening, connection, clock) };
  } catch (error) {
    connection?.close();
    await lock?.release();
    return no(`systemd cannot be driven: ${messageOf(error)}`);
  }
}

/** Closes the connection when time is up, which ends every call that waits. */
async function withDeadline<Result>(
  work: Promise<Result>,
  connection: DbusConnection,
  clock: Clock,
): Promise<Result> {
  const timer = clock.at(Instant(clock.now() + openMs), () => connection.close());
  try {
    return await work;
  } finally {
    timer.cancel();
  }
}

/** The private socket first: it works while the bus is restarted, and there is no hop in between. */
async function connectEither(uid: number): Promise<DbusConnection> {
  try {
    return await connectDbus({ path: privateSocket, bus: false, uid });
  } catch (privateError) {
    try {
      return await connectDbus({ path: busSocket, bus: true, uid });
    } catch (busError) {
      throw new AggregateError(
        [privateError, busError],
        `${messageOf(privateError)}; ${messageOf(busError)}`,
      );
    }
  }
}

function no(reason: string): SystemdProbe {
  return { driver: null, reason };
}
