/**
 * `npm run bench -- start memory put etcd`: measures dist/agent beside Debian's etcd in one run, and prints one table with the
 * ratio of the two. Never fails on a figure: machines differ, the ratio is what to look at.
 */
import { cpus } from "node:os";
import process from "node:process";
import { defaultMeasures, type Figure, measures } from "./measures.ts";
import { argosy, etcd, isPresent } from "./server.ts";

const words = process.argv.slice(2);
const unknown = words.filter((word) => measures[word] === undefined);
if (unknown.length > 0) {
  console.error(
    `bench: no measure is called ${unknown.join(", ")}; there are ${Object.keys(measures).join(", ")}`,
  );
  process.exit(2);
}

const subjects = [argosy, etcd].filter(isPresent);
if (!subjects.includes(etcd))
  console.log("No /usr/bin/etcd to compare with (Debian: apt-get install etcd-server).");

const rows: string[][] = [];
for (const word of words.length > 0 ? words : defaultMeasures) {
  const figures = new Map<string, Figure[]>();
  for (const subject of subjects) {
    console.error(`measuring ${word} of ${subject.name} ...`);
    figures.set(subject.name, (await measures[word]?.(subject)) ?? []);
  }
  const theirs = figures.get(etcd.name) ?? [];
  for (const [i, { what, value, unit }] of (figures.get(argosy.name) ?? []).entries()) {
    const other = theirs[i]?.value;
    rows.push([what, unit, round(value), other === undefined ? "" : round(other), ratio(value, other)]);
  }
}
const width = (column: number) => Math.max(...table.map((row) => row[column]?.length ?? 0));
const table = [["", "", "argosy", "etcd", "argosy/etcd"], ...rows];
const widths = [0, 1, 2, 3, 4].map(width);
console.log(
  `\n${cpus().length} processors, ${cpus()[0]?.model}, Linux; both on loopback and the same file system\n`,
);
for (const row of table) {
  const cells = row.map((text, i) => (i < 2 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)));
  console.log(cells.join("  ").trimEnd());
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}

function ratio(value: number, other: number | undefined): string {
  return other === undefined || other === 0 ? "" : (value / other).toFixed(2);
}
