/** The compatibility suite against a whole agent. */
import { runSuite } from "./suite/suite.ts";
import { startOurs } from "./suite/target.ts";

runSuite("argosy", startOurs, { skip: false });
