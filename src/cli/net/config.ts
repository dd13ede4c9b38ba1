/** `agent net config get` and `set`. */
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";

const path = "/argosy/v1/network/config";

export const handleConfigGet: Handler = async (given, terminal) => {
  const client = await connect(given, terminal);
  const answer = await client.send("GET", path);
  if (answer.status !== 200) throw client.refusal(answer);
  // Printed as stored, but only if it is what an agent would answer.
  client.json(answer);
  terminal.out(answer.text.endsWith("\n") ? answer.text : `${answer.text}\n`);
  return 0;
};

/** The agent checks the text with the same parser that every host will read it with. */
export const handleConfigSet: Handler = async (given, terminal) => {
  const client = await connect(given, terminal);
  const json = given.text("json");
  const answer = await client.send("PUT", path, json === "-" ? await terminal.input() : json);
  if (answer.status !== 204) throw client.refusal(answer);
  return 0;
};
