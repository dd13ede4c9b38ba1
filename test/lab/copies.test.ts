/** The judge of "no unit ever runs twice". Needs no lab. */
import { test } from "tap";
import { overlaps, readLives } from "./copies.ts";

test("lives from marks", async (t) => {
  t.same(readLives("h1", "a 1.5\na 2\nb 3.25\nb 4\nb 5.5"), [
    { host: "h1", id: "a", from: 1.5, to: 2 },
    { host: "h1", id: "b", from: 3.25, to: 4 },
  ]);
  t.same(readLives("h1", ""), []);
});

test("overlaps", async (t) => {
  const life = (host: string, from: number, to: number) => ({ host, id: `${host}${from}`, from, to });
  const table: ReadonlyArray<readonly [lives: ReturnType<typeof life>[], count: number]> = [
    [[], 0],
    [[life("h1", 0, 1), life("h2", 2, 3)], 0],
    [[life("h1", 0, 2), life("h2", 2, 3)], 1],
    [[life("h1", 0, 9), life("h2", 2, 3), life("h3", 4, 5)], 2],
    [[life("h1", 0, 1), life("h1", 0.5, 2)], 1],
  ];
  for (const [lives, count] of table) t.equal(overlaps(lives).length, count);
});
