/** Builders for tests of units/: a registry from a few words, reports, a table. */
import { Instant } from "../../../src/base/ids.ts";
import { MachineTable } from "../../../src/units/machine-table.ts";
import { Registry, type RegistryChange, registryKeys } from "../../../src/units/registry.ts";
import type { MachineReport, UnitReport } from "../../../src/units/report.ts";
import { hashOfUnitText } from "../../../src/units/unit-file.ts";

export interface UnitInWords {
  readonly name: string;
  /** Lines of [X-Fleet]. */
  readonly fleet?: readonly string[];
  readonly exec?: string;
  readonly desired?: string;
  readonly target?: string;
  readonly releasedFrom?: string;
}

export const ttlMs = 30_000;

export function textOf({ fleet = [], exec = "/bin/sleep 1000" }: Partial<UnitInWords>): string {
  const service = `[Service]\nExecStart=${exec}\n`;
  return fleet.length === 0 ? service : `${service}\n[X-Fleet]\n${fleet.join("\n")}\n`;
}

export function changesOf(unit: UnitInWords, revision: number): RegistryChange[] {
  const text = textOf(unit);
  const hash = hashOfUnitText(text);
  const object = JSON.stringify({ Name: unit.name, UnitHash: [...Buffer.from(hash, "hex")] });
  const pairs: [string, string][] = [
    [registryKeys.content(hash), JSON.stringify({ Raw: text })],
    [registryKeys.object(unit.name), object],
    [registryKeys.targetState(unit.name), unit.desired ?? "launched"],
  ];
  if (unit.target) pairs.push([registryKeys.target(unit.name), unit.target]);
  if (unit.releasedFrom) pairs.push([registryKeys.release(unit.name), unit.releasedFrom]);
  return pairs.map(([key, value]) => ({ key, value, revision }));
}

/** All written at this revision. */
export function registryOf(units: readonly UnitInWords[], revision = 10): Registry {
  const registry = new Registry();
  registry.reset(
    units.flatMap((unit) => changesOf(unit, revision)),
    revision,
  );
  return registry;
}

export interface MachineInWords {
  readonly id: string;
  readonly metadata?: Record<string, string>;
  readonly revision?: number;
  /** Names of units it reports as launched and active. */
  readonly units?: readonly string[];
  /** When its last report came in; default: now. */
  readonly at?: number;
  readonly incarnation?: string;
  readonly challenged?: boolean;
}

export function reportOf(words: MachineInWords): MachineReport {
  const { id, metadata = {}, revision = 10, units = [], incarnation = "first", challenged = false } = words;
  const held = units.map(
    (name): UnitReport => ({
      name,
      hash: "",
      launched: true,
      load: "loaded",
      active: "active",
      sub: "running",
    }),
  );
  return {
    machine: { id, name: id, primaryIp: "", metadata },
    incarnation,
    challenged,
    revision,
    ttlMs,
    units: held,
  };
}

export function tableOf(machines: readonly MachineInWords[], now: number, since = 0): MachineTable {
  const table = new MachineTable({ ttlMs, since: Instant(since) });
  for (const machine of machines) table.take(reportOf(machine), Instant(machine.at ?? now));
  return table;
}
