/** `agent unit`: what runs where. The verbs are fleet's (fleet.md 2.4). */
import type { Options } from "yargs";
import type { Action, Group } from "../command.ts";
import { connectionOptions, outputOption } from "../common-options.ts";

const waiting: Readonly<Record<string, Options>> = {
  "no-block": { type: "boolean", default: false, describe: "do not wait until the state is reached" },
  timeout: { type: "string", default: "60s", describe: "how long to wait; 0 waits without end" },
};

const replacing: Readonly<Record<string, Options>> = {
  replace: { type: "boolean", default: false, describe: "replace a unit of that name whose file differs" },
};

/** A verb that makes units from files if needed. Names without a suffix are services. */
function raising(name: string, summary: string, effect: string, load: Action["load"]): Action {
  return {
    name,
    positionals: "<unit..>",
    summary,
    options: { ...connectionOptions, ...waiting, ...replacing },
    examples: [
      [`unit ${name} hello.service`, effect],
      [`unit ${name} web@1 web@2`, "instances of the template web@.service"],
      [`unit ${name} --replace ./hello.service`, "also when the cluster has an older file"],
    ],
    load,
  };
}

/** A verb for units that the cluster has. */
function lowering(name: string, summary: string, load: Action["load"]): Action {
  return {
    name,
    positionals: "<unit..>",
    summary,
    options: { ...connectionOptions, ...waiting },
    examples: [[`unit ${name} hello.service`, summary.toLowerCase()]],
    load,
  };
}

function reading(
  name: string,
  positionals: string,
  summary: string,
  options: Action["options"],
  load: Action["load"],
) {
  const line = positionals ? `unit ${name} hello.service` : `unit ${name}`;
  const examples: Action["examples"] = [[line, summary.toLowerCase()]];
  return { name, positionals, summary, options: { ...connectionOptions, ...options }, examples, load };
}

export const unit: Group = {
  name: "unit",
  summary: "Units: what runs where",
  examples: [
    ["unit start hello.service", "hand in the file hello.service and run it on some machine"],
    ["unit list", "all units, where they run and how they are"],
    ["unit destroy hello.service", "stop it and forget it"],
  ],
  commands: [
    raising("submit", "Hand unit files in, without running them", "hand the file in", async () => {
      return (await import("./raise.ts")).handleSubmit;
    }),
    raising("load", "Place units on machines, without starting them", "hand in and place", async () => {
      return (await import("./raise.ts")).handleLoad;
    }),
    raising("start", "Run units somewhere in the cluster", "hand in, place and start", async () => {
      return (await import("./raise.ts")).handleStart;
    }),
    lowering(
      "stop",
      "Stop units; they stay where they are",
      async () => (await import("./lower.ts")).handleStop,
    ),
    lowering("unload", "Stop units and take them off their machines", async () => {
      return (await import("./lower.ts")).handleUnload;
    }),
    lowering(
      "destroy",
      "Stop units and forget them",
      async () => (await import("./destroy.ts")).handleDestroy,
    ),
    reading("list", "", "List all units and how they are", outputOption, async () => {
      return (await import("./list.ts")).handleList;
    }),
    reading("status", "<unit..>", "Show where units run and how they are", outputOption, async () => {
      return (await import("./list.ts")).handleStatus;
    }),
    reading("cat", "<unit>", "Print a unit's file as the cluster has it", {}, async () => {
      return (await import("./cat.ts")).handleCat;
    }),
  ],
};
