/** Auth: etcd.md section 9. Each case starts on a fresh server, since most of them turn auth on. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import {
  type CallOptions,
  type Case,
  type CaseGroup,
  call,
  check,
  type Differs,
  type Expected,
  type Fields,
  keep,
  kept,
  next,
  open,
  refused,
  refusedAs,
  type Step,
  send,
} from "./case.ts";

const { INVALID_ARGUMENT, FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED, UNKNOWN } = GrpcCode;
const denied = refused(PERMISSION_DENIED, "permission denied");
const userMissing = refused(FAILED_PRECONDITION, "user name not found");
const roleMissing = refused(FAILED_PRECONDITION, "role name not found");
const invalid = refused(INVALID_ARGUMENT, "invalid auth management");
const noUser = refused(INVALID_ARGUMENT, "user name is empty");
const failed = refused(INVALID_ARGUMENT, "authentication failed, invalid user ID or password");
const tokenOfWord = check("a token", (token: string) => /^[A-Za-z]{16}\.\d+$/.test(token));

/** Call options with the token of a user who logged in. */
const as = (user: string): CallOptions => ({ metadata: { token: kept(user) } });
const login = (user: string, password: string): Step =>
  call("Authenticate", { name: user, password }, { token: keep(user) });
const addUser = (name: string, ...roles: string[]): readonly Step[] => [
  call("UserAdd", { name, password: `${name}-pw` }),
  ...roles.map((role) => call("UserGrantRole", { user: name, role })),
];
const grant = (name: string, permType: string, key: string, range_end = ""): Step =>
  call("RoleGrantPermission", { name, perm: { permType, key, range_end } });
/** root, auth on, root logged in. */
const on: readonly Step[] = [
  ...addUser("root"),
  call("RoleAdd", { name: "root" }),
  call("UserGrantRole", { user: "root", role: "root" }),
  call("AuthEnable", {}),
  login("root", "root-pw"),
];
/** Users before auth is on; afterwards they log in. */
const withUsers = (setup: readonly Step[], ...users: string[]): readonly Step[] => [
  ...setup,
  ...on,
  ...users.map((user) => login(user, `${user}-pw`)),
];

const administration: Case[] = [
  {
    name: "users: add, get, list, delete, change password, and the refusals",
    steps: [
      call("UserAdd", { name: "", password: "x" }, noUser),
      call("UserAdd", { name: "bob", password: "one" }),
      call(
        "UserAdd",
        { name: "bob", password: "two" },
        refused(FAILED_PRECONDITION, "user name already exists"),
      ),
      call("UserAdd", { name: "alice", password: "" }),
      call("UserGet", { name: "bob" }, { roles: [] }),
      call("UserGet", { name: "nobody" }, userMissing),
      call(
        "UserList",
        {},
        { users: check("alice and bob", (users: string[]) => [...users].sort().join() === "alice,bob") },
      ),
      call("UserChangePassword", { name: "bob", password: "new" }),
      call("UserChangePassword", { name: "nobody", password: "new" }, userMissing),
      call("UserDelete", { name: "alice" }),
      call("UserDelete", { name: "alice" }, userMissing),
      call("UserList", {}, { users: ["bob"] }),
    ],
  },
  {
    name: "roles: add, get, list, delete, and the refusals",
    steps: [
      call("RoleAdd", { name: "r2" }),
      call("RoleAdd", { name: "r1" }),
      call("RoleAdd", { name: "r1" }, refused(FAILED_PRECONDITION, "role name already exists")),
      call("RoleGet", { role: "r1" }, { perm: [] }),
      call("RoleGet", { role: "none" }, roleMissing),
      call(
        "RoleList",
        {},
        { roles: check("r1 and r2", (roles: string[]) => [...roles].sort().join() === "r1,r2") },
      ),
      call("RoleDelete", { role: "none" }, roleMissing),
      call("RoleDelete", { role: "r2" }),
      call("RoleList", {}, { roles: ["r1"] }),
    ],
  },
  {
    name: "a role needs a name",
    since: "3.4.12 on, but not Debian's",
    oracleSkips: "3.4.23 accepts an empty role name",
    steps: [call("RoleAdd", { name: "" }, refused(INVALID_ARGUMENT, "role name is empty"))],
  },
  {
    name: "roles of a user: granted, sorted, granted twice, revoked; a deleted role leaves its users",
    steps: [
      ...addUser("bob"),
      call("RoleAdd", { name: "r1" }),
      call("RoleAdd", { name: "r2" }),
      call("UserGrantRole", { user: "bob", role: "r2" }),
      call("UserGrantRole", { user: "bob", role: "r1" }),
      call("UserGrantRole", { user: "bob", role: "r1" }),
      call("UserGet", { name: "bob" }, { roles: ["r1", "r2"] }),
      call("UserGrantRole", { user: "nobody", role: "r1" }, userMissing),
      call("UserGrantRole", { user: "bob", role: "none" }, roleMissing),
      call("UserRevokeRole", { name: "nobody", role: "r1" }, userMissing),
      call(
        "UserRevokeRole",
        { name: "bob", role: "none" },
        refused(FAILED_PRECONDITION, "role is not granted to the user"),
      ),
      call("UserRevokeRole", { name: "bob", role: "r1" }),
      call("UserGet", { name: "bob" }, { roles: ["r2"] }),
      call("RoleDelete", { role: "r2" }),
      call("UserGet", { name: "bob" }, { roles: [] }),
    ],
  },
  {
    name: "permissions of a role: sorted by key, replaced, revoked exactly",
    steps: [
      call("RoleAdd", { name: "r" }),
      grant("r", "READ", "m", "n"),
      grant("r", "WRITE", "a"),
      grant("r", "READWRITE", "m", "n"),
      call(
        "RoleGet",
        { role: "r" },
        {
          perm: [
            { permType: "WRITE", key: "a", range_end: "" },
            { permType: "READWRITE", key: "m", range_end: "n" },
          ],
        },
      ),
      call("RoleGrantPermission", { name: "none", perm: { key: "a" } }, roleMissing),
      call("RoleRevokePermission", { role: "none", key: "a" }, roleMissing),
      call(
        "RoleRevokePermission",
        { role: "r", key: "m" },
        refused(FAILED_PRECONDITION, "permission is not granted to the role"),
      ),
      call("RoleRevokePermission", { role: "r", key: "m", range_end: "n" }),
      call("RoleGet", { role: "r" }, { perm: [{ key: "a" }] }),
    ],
  },
  {
    name: "a permission that is none",
    since: "3.5",
    steps: [
      call("RoleAdd", { name: "r" }),
      call("RoleGrantPermission", { name: "r" }, refused(INVALID_ARGUMENT, "permission not given")),
      call("RoleGrantPermission", { name: "r", perm: { key: "b", range_end: "a" } }, invalid),
      call("RoleGrantPermission", { name: "r", perm: { key: "b", range_end: "\x00" } }),
    ],
  },
  {
    name: "role root's permissions when none are stored",
    since: "3.5",
    steps: [
      call("RoleAdd", { name: "root" }),
      call("RoleGet", { role: "root" }, { perm: [{ permType: "READWRITE", key: "", range_end: "\x00" }] }),
    ],
  },
  {
    name: "enable needs root with role root; both calls may be repeated",
    steps: [
      call("AuthEnable", {}, refused(FAILED_PRECONDITION, "root user does not exist")),
      ...addUser("root"),
      call("AuthEnable", {}, refused(FAILED_PRECONDITION, "root user does not have root role")),
      call("AuthDisable", {}),
      call(
        "Authenticate",
        { name: "root", password: "root-pw" },
        refused(FAILED_PRECONDITION, "authentication is not enabled"),
      ),
      call("RoleAdd", { name: "root" }),
      call("UserGrantRole", { user: "root", role: "root" }),
      call("AuthEnable", {}),
      login("root", "root-pw"),
      call("AuthEnable", {}, {}, as("root")),
      call("AuthDisable", {}, noUser),
      call("AuthDisable", {}, {}, as("root")),
      call("Put", { key: "a" }),
      call(
        "Range",
        { key: "a" },
        {},
        {
          metadata: { token: "whatever" },
          etcd34: {
            reason: "3.4 judges tokens while auth is off",
            expected: refused(UNAUTHENTICATED, "invalid auth token"),
          },
        },
      ),
    ],
  },
  {
    name: "auth status counts the changes",
    since: "3.5",
    steps: [
      call("AuthStatus", {}, { enabled: false, authRevision: 1 }),
      call("UserAdd", { name: "bob", password: "x" }),
      call("AuthStatus", {}, { enabled: false, authRevision: 2 }),
      call("RoleAdd", { name: "r" }),
      grant("r", "READ", "a"),
      call("UserGrantRole", { user: "bob", role: "r" }),
      call("AuthStatus", {}, { enabled: false, authRevision: 5 }),
      ...on,
      call("AuthStatus", {}, { enabled: true }, as("root")),
    ],
  },
  {
    name: "user root and role root cannot be taken away while auth is on",
    steps: [
      ...withUsers([]),
      call("UserDelete", { name: "root" }, invalid, as("root")),
      call("RoleDelete", { role: "root" }, invalid, as("root")),
      call("UserRevokeRole", { name: "root", role: "root" }, invalid, as("root")),
      call("AuthDisable", {}, {}, as("root")),
      call("UserRevokeRole", { name: "root", role: "root" }),
    ],
  },
];

const identity: Case[] = [
  {
    name: "authenticate: a token, and the refusals (checklist 15)",
    steps: [
      ...withUsers([...addUser("bob"), call("UserAdd", { name: "cert", options: { no_password: true } })]),
      call("Authenticate", { name: "bob", password: "bob-pw" }, { token: tokenOfWord }),
      call("Authenticate", { name: "bob", password: "wrong" }, failed),
      call("Authenticate", { name: "nobody", password: "x" }, failed),
      call("Authenticate", { name: "", password: "x" }, noUser, {
        etcd34: { reason: "3.4 treats an empty name as an unknown user", expected: failed },
      }),
      call(
        "Authenticate",
        { name: "cert", password: "x" },
        refusedAs(UNKNOWN, "auth: authentication failed, password was given for no password user"),
      ),
    ],
  },
  {
    name: "who calls: nobody, a stranger, by token, by authorization",
    steps: [
      ...withUsers([]),
      call("Range", { key: "a" }, noUser),
      call("Put", { key: "a" }, noUser),
      call("Range", { key: "a" }, refused(UNAUTHENTICATED, "invalid auth token"), {
        metadata: { token: "nonsense" },
      }),
      call("Range", { key: "a" }, refused(UNAUTHENTICATED, "invalid auth token"), {
        metadata: { token: "abcdefghijklmnop.1" },
      }),
      call("Put", { key: "a" }, {}, as("root")),
      call("Put", { key: "a" }, {}, { metadata: { authorization: kept("root") } }),
    ],
  },
  {
    name: "a token dies with its user's password, and with the user",
    steps: [
      ...withUsers(
        [
          ...addUser("bob"),
          call("RoleAdd", { name: "r" }),
          grant("r", "READWRITE", "a"),
          call("UserGrantRole", { user: "bob", role: "r" }),
        ],
        "bob",
      ),
      call("Put", { key: "a" }, {}, as("bob")),
      call("UserChangePassword", { name: "bob", password: "new" }, {}, as("root")),
      call("Put", { key: "a" }, refused(UNAUTHENTICATED, "invalid auth token"), as("bob")),
      call("Authenticate", { name: "bob", password: "bob-pw" }, failed),
      login("bob", "new"),
      call("Put", { key: "a" }, {}, as("bob")),
      call("UserDelete", { name: "bob" }, {}, as("root")),
      call("Put", { key: "a" }, refused(UNAUTHENTICATED, "invalid auth token"), as("bob")),
    ],
  },
];

const bob: readonly Step[] = [
  ...addUser("bob"),
  call("RoleAdd", { name: "r" }),
  call("UserGrantRole", { user: "bob", role: "r" }),
];
const txn = (request: Fields, expected: Expected, user = "bob"): Step =>
  call("Txn", request, expected, as(user));

const permissions: Case[] = [
  {
    name: "range, put and delete need their kind of permission, prev_kv reading too",
    steps: [
      ...withUsers(
        [...bob, grant("r", "READ", "r"), grant("r", "WRITE", "w"), grant("r", "READWRITE", "x")],
        "bob",
      ),
      call("Range", { key: "r" }, {}, as("bob")),
      call("Range", { key: "w" }, denied, as("bob")),
      call("Range", { key: "z" }, denied, as("bob")),
      call("Range", { key: "r", serializable: true }, {}, as("bob")),
      call("Range", { key: "z", serializable: true }, denied, as("bob")),
      call("Put", { key: "w" }, {}, as("bob")),
      call("Put", { key: "r" }, denied, as("bob")),
      call("Put", { key: "w", prev_kv: true }, denied, as("bob")),
      call("Put", { key: "x", prev_kv: true }, {}, as("bob")),
      call("DeleteRange", { key: "w" }, {}, as("bob")),
      call("DeleteRange", { key: "r" }, denied, as("bob")),
      call("DeleteRange", { key: "w", prev_kv: true }, denied, as("bob")),
      call("DeleteRange", { key: "x", prev_kv: true }, {}, as("bob")),
      call("Range", { key: "" }, refused(INVALID_ARGUMENT, "key is not provided"), as("bob")),
      call("Compact", { revision: 1 }, denied, {
        ...as("bob"),
        etcd34: { reason: "3.4 lets anybody compact", expected: {} },
      }),
    ],
  },
  {
    name: "intervals: wholly covered by the union of what was granted; a prefix",
    steps: [
      ...withUsers(
        [
          ...bob,
          grant("r", "READ", "a", "c"),
          grant("r", "READWRITE", "c", "e"),
          grant("r", "READ", "p", "\x00"),
        ],
        "bob",
      ),
      call("Range", { key: "a", range_end: "e" }, {}, as("bob")),
      call("Range", { key: "b" }, {}, as("bob")),
      call("Range", { key: "a", range_end: "e\x00" }, denied, as("bob")),
      call("Range", { key: "e" }, denied, as("bob")),
      call("Range", { key: "q", range_end: "\x00" }, {}, as("bob")),
      call("Range", { key: "o", range_end: "\x00" }, denied, as("bob")),
      call("Range", { key: "\x00", range_end: "\x00" }, denied, as("bob")),
      call("DeleteRange", { key: "c", range_end: "e" }, {}, as("bob")),
      call("DeleteRange", { key: "b", range_end: "e" }, denied, as("bob")),
    ],
  },
  {
    name: "a revoked permission has effect at once (checklist 15)",
    steps: [
      ...withUsers([...bob, grant("r", "READWRITE", "a"), grant("r", "READ", "b")], "bob"),
      call("Put", { key: "a" }, {}, as("bob")),
      call("RoleRevokePermission", { role: "r", key: "a" }, {}, as("root")),
      login("bob", "bob-pw"),
      call("Put", { key: "a" }, denied, as("bob")),
      call("Range", { key: "b" }, {}, as("bob")),
      call("UserRevokeRole", { name: "bob", role: "r" }, {}, as("root")),
      login("bob", "bob-pw"),
      call("Range", { key: "b" }, denied, as("bob")),
    ],
  },
  {
    name: "txn: every compare and both branches are checked",
    steps: [
      ...withUsers([...bob, grant("r", "READWRITE", "a"), grant("r", "READ", "c")], "bob"),
      txn(
        { compare: [{ key: "c", target: "VERSION" }], success: [{ request_put: { key: "a" } }] },
        { succeeded: true },
      ),
      txn({ compare: [{ key: "no", target: "VERSION" }] }, denied),
      txn({ success: [{ request_range: { key: "a" } }, { request_put: { key: "no" } }] }, denied),
      txn({ failure: [{ request_put: { key: "no" } }] }, denied),
      txn({ failure: [{ request_range: { key: "no" } }] }, denied),
      txn({ failure: [{ request_delete_range: { key: "c" } }] }, denied),
      txn({ success: [{ request_range: { key: "c", serializable: true } }] }, { succeeded: true }),
    ],
  },
  {
    name: "txn: nested operations are checked as well",
    oracleSkips: "CVE-2026-33343: etcd 3.4.23 does not look into nested transactions",
    steps: [
      ...withUsers([...bob, grant("r", "READWRITE", "a")], "bob"),
      txn({ success: [{ request_txn: { success: [{ request_put: { key: "a" } }] } }] }, { succeeded: true }),
      txn({ success: [{ request_txn: { success: [{ request_put: { key: "no" } }] } }] }, denied),
      txn({ success: [{ request_txn: { failure: [{ request_put: { key: "no" } }] } }] }, denied),
      txn({ failure: [{ request_txn: { compare: [{ key: "no", target: "VERSION" }] } }] }, denied),
      txn(
        {
          success: [
            { request_txn: { success: [{ request_txn: { success: [{ request_range: { key: "no" } }] } }] } },
          ],
        },
        denied,
      ),
    ],
  },
  {
    name: "leases: a lease on keys of others",
    steps: [
      ...withUsers([...bob, grant("r", "READWRITE", "a")], "bob"),
      call("LeaseGrant", { TTL: 600, ID: 5 }, {}, as("bob")),
      call("Put", { key: "secret", lease: 5 }, {}, as("root")),
      call("Put", { key: "a", lease: 5 }, denied, as("bob")),
      call("LeaseRevoke", { ID: 5 }, denied, as("bob")),
      call("LeaseTimeToLive", { ID: 5, keys: true }, denied, {
        ...as("bob"),
        etcd34: { reason: "3.4 shows anybody the keys of a lease", expected: {} },
      }),
      call("LeaseGrant", { TTL: 600, ID: 6 }, {}, as("bob")),
      call("Put", { key: "a", lease: 6 }, {}, as("bob")),
      call("LeaseTimeToLive", { ID: 6, keys: true }, { keys: ["a"] }, as("bob")),
      call("LeaseRevoke", { ID: 6 }, {}, as("bob")),
      call("LeaseRevoke", { ID: 5 }, {}, as("root")),
    ],
  },
  {
    name: "leases: what else needs a user or the right to read",
    oracleSkips: "3.4 lets anybody grant, list and keep leases alive (mended in 2026)",
    steps: [
      ...withUsers([...bob, grant("r", "READWRITE", "a")], "bob"),
      call("LeaseGrant", { TTL: 600 }, noUser),
      call("LeaseGrant", { TTL: 600, ID: 5 }, {}, as("bob")),
      call("LeaseLeases", {}, { leases: [{ ID: 5 }] }, as("bob")),
      call("Put", { key: "secret", lease: 5 }, {}, as("root")),
      call("LeaseLeases", {}, denied, as("bob")),
      call("LeaseKeepAlive", { ID: 5 }, denied, as("bob")),
      call("LeaseKeepAlive", { ID: 5 }, { messages: [{ TTL: 600 }] }, as("root")),
      call("LeaseLeases", {}, { leases: [{ ID: 5 }] }, as("root")),
    ],
  },
  {
    name: "watch: a refusal is a canceled answer, and the stream lives on",
    steps: [
      ...withUsers([...bob, grant("r", "READ", "a", "c")], "bob"),
      open("w", "Watch", as("bob")),
      send("w", { create_request: { key: "x" } }),
      next("w", {
        created: true,
        canceled: true,
        watch_id: -1,
        cancel_reason: "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
      }),
      send("w", { create_request: { key: "a", range_end: "d" } }),
      next("w", { canceled: true, watch_id: -1 }),
      send("w", { create_request: { key: "a", range_end: "c" } }),
      next("w", { created: true, canceled: false, watch_id: 0 }),
      call("Put", { key: "b" }, {}, as("root")),
      next("w", { watch_id: 0, events: [{ kv: { key: "b" } }] }),
    ],
  },
  {
    name: "watch: from a key on needs more than that key",
    oracleSkips: "GHSA-xg4h-6gfc-h4m8: etcd 3.4.23 has the hole",
    steps: [
      ...withUsers([...bob, grant("r", "READ", "a")], "bob"),
      open("w", "Watch", as("bob")),
      send("w", { create_request: { key: "a", range_end: "\x00" } }),
      next("w", {
        created: true,
        canceled: true,
        watch_id: -1,
        cancel_reason: "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
      }),
      send("w", { create_request: { key: "a" } }),
      next("w", { created: true, canceled: false, watch_id: 0 }),
    ],
  },
  {
    name: "watch: without a user, and with a wrong token",
    oracleSkips: "3.4.23 says `permission denied` for each (mended in 3.5)",
    steps: [
      ...withUsers([]),
      open("w", "Watch"),
      send("w", { create_request: { key: "x" } }),
      next("w", {
        created: true,
        canceled: true,
        watch_id: -1,
        cancel_reason: "rpc error: code = InvalidArgument desc = etcdserver: user name is empty",
      }),
      open("v", "Watch", { metadata: { token: "nonsense" } }),
      send("v", { create_request: { key: "x" } }),
      next("v", {
        created: true,
        canceled: true,
        watch_id: -1,
        cancel_reason: "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token",
      }),
    ],
  },
  {
    name: "who may administer: root; of oneself a user may know",
    steps: [
      ...withUsers([...bob, ...addUser("eve"), call("RoleAdd", { name: "other" })], "bob"),
      ...(
        [
          ["UserAdd", { name: "n", password: "x" }],
          ["UserList", {}],
          ["UserDelete", { name: "eve" }],
          ["UserChangePassword", { name: "bob", password: "x" }],
          ["UserGrantRole", { user: "bob", role: "other" }],
          ["UserRevokeRole", { name: "bob", role: "r" }],
          ["RoleAdd", { name: "n" }],
          ["RoleList", {}],
          ["RoleDelete", { role: "other" }],
          ["RoleGrantPermission", { name: "r", perm: { key: "a" } }],
          ["RoleRevokePermission", { role: "r", key: "a" }],
          ["AuthDisable", {}],
          ["UserGet", { name: "eve" }],
          ["RoleGet", { role: "other" }],
        ] as const
      ).map(([rpc, request]) => call(rpc, request, denied, as("bob"))),
      call("UserGet", { name: "bob" }, { roles: ["r"] }, as("bob")),
      call("RoleGet", { role: "r" }, { perm: [] }, as("bob")),
      call("UserList", {}, noUser),
    ],
  },
  {
    name: "maintenance: root for what reads or changes everything",
    steps: [
      ...withUsers([...bob], "bob"),
      call("Alarm", { action: "GET" }, { alarms: [] }, as("bob")),
      ...(
        [
          ["Defragment", {}],
          ["Hash", {}],
          ["HashKV", {}],
          ["Snapshot", {}],
          ["Alarm", { action: "ACTIVATE", alarm: "NOSPACE" }],
          ["MoveLeader", { targetID: 1 }],
        ] as const
      ).map(([rpc, request]) => call(rpc, request, denied, { ...as("bob"), ...in34(rpc) })),
      call("MemberAdd", { peerURLs: ["http://127.0.0.1:1"] }, denied, as("bob")),
      call("MemberRemove", { ID: 1 }, denied, as("bob")),
      call("MemberUpdate", { ID: 1, peerURLs: ["http://127.0.0.1:1"] }, denied, as("bob")),
      call("Status", {}, {}, as("bob")),
      call("MemberList", {}, {}, as("bob")),
      call("Defragment", {}, {}, as("root")),
    ],
  },
];

/** What 3.4 says to a user without role root, where it is not what 3.5 says. */
function in34(rpc: string): { etcd34?: Differs } {
  if (rpc === "Alarm") return { etcd34: { reason: "3.4 lets anybody raise an alarm", expected: {} } };
  if (rpc === "MoveLeader") {
    const expected = refused(FAILED_PRECONDITION, "bad leader transferee");
    return { etcd34: { reason: "3.4 lets anybody move the leader", expected } };
  }
  const expected = refusedAs(UNKNOWN, "auth: permission denied");
  return { etcd34: { reason: "3.4 tells of its maintenance rpcs by an inner error", expected } };
}

/** A key pair in files, as both servers want it. */
function jwtFlags(directory: string): Record<string, string> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(join(directory, "pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(join(directory, "priv.pem"), privateKey.export({ type: "pkcs1", format: "pem" }), {
    mode: 0o600,
  });
  const paths = `pub-key=${join(directory, "pub.pem")},priv-key=${join(directory, "priv.pem")}`;
  return { "auth-token": `jwt,${paths},sign-method=RS256,ttl=10m` };
}

const jwt: Case[] = [
  {
    name: "jwt: a token that any member can verify; one from before a change is old",
    steps: [
      ...withUsers([...bob, grant("r", "READWRITE", "a")], "bob"),
      call(
        "Authenticate",
        { name: "bob", password: "bob-pw" },
        { token: check("a JWT", (token: string) => token.split(".").length === 3) },
      ),
      call("Put", { key: "a" }, {}, as("bob")),
      call("Put", { key: "b" }, denied, as("bob")),
      call("Put", { key: "a" }, refused(UNAUTHENTICATED, "invalid auth token"), {
        metadata: { token: "a.b.c" },
      }),
      call("RoleAdd", { name: "new" }, {}, as("root")),
      call("Put", { key: "a" }, refused(INVALID_ARGUMENT, "revision of auth store is old"), as("bob")),
      call("Range", { key: "a" }, refused(INVALID_ARGUMENT, "revision of auth store is old"), as("bob")),
      login("bob", "bob-pw"),
      call("Put", { key: "a" }, {}, as("bob")),
    ],
  },
];

const flags = { "bcrypt-cost": "4" };
export const authGroups: readonly CaseGroup[] = [
  { name: "auth administration", cases: administration, fresh: true, flags },
  { name: "auth identity", cases: identity, fresh: true, flags },
  { name: "auth permissions", cases: permissions, fresh: true, flags },
  { name: "auth by JWT", cases: jwt, fresh: true, flags, makeFlags: jwtFlags },
];
