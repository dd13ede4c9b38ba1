/** The compatibility suite against Debian's etcd: what the cases say is what etcd does. */
import { etcdMissing } from "./etcd.ts";
import { runSuite } from "./suite/suite.ts";
import { startOracle } from "./suite/target.ts";

runSuite("etcd 3.4", startOracle, { skip: etcdMissing });
