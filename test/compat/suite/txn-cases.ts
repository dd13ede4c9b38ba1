/** Txn: etcd.md 4.5. */
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import { type Case, type CaseGroup, call, type Fields, refused, rev, type Step } from "./case.ts";

const { INVALID_ARGUMENT, NOT_FOUND } = GrpcCode;
const tooMany = refused(INVALID_ARGUMENT, "too many operations in txn request");
const duplicate = refused(INVALID_ARGUMENT, "duplicate key given in txn request");

const putOp = (key: string, value = ""): Fields => ({ request_put: { key, value } });
const getOp = (key: string, more: Fields = {}): Fields => ({ request_range: { key, ...more } });
const deleteOp = (key: string, range_end = ""): Fields => ({ request_delete_range: { key, range_end } });
const txnOp = (request: Fields): Fields => ({ request_txn: request });
const txn = (request: Fields, expected: Parameters<typeof call>[2] = {}): Step =>
  call("Txn", request, expected);
/** A compare must (not) hold. */
const holds = (compare: Fields, succeeded: boolean): Step => txn({ compare: [compare] }, { succeeded });

const compares: Case[] = [
  {
    name: "compares of a key that is there",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 7 }),
      call("Put", { key: "a", value: "m", lease: 7 }),
      call("Put", { key: "a", value: "m", lease: 7 }),
      ...(
        [
          ["VERSION", "version", 1, 2, 3],
          ["CREATE", "create_revision", rev(0), rev(1), rev(2)],
          ["MOD", "mod_revision", rev(1), rev(2), rev(3)],
          ["VALUE", "value", "l", "m", "n"],
          ["LEASE", "lease", 6, 7, 8],
        ] as const
      ).flatMap(([target, field, less, same, greater]) => [
        holds({ key: "a", target, result: "EQUAL", [field]: same }, true),
        holds({ key: "a", target, result: "EQUAL", [field]: less }, false),
        holds({ key: "a", target, result: "NOT_EQUAL", [field]: less }, true),
        holds({ key: "a", target, result: "NOT_EQUAL", [field]: same }, false),
        holds({ key: "a", target, result: "GREATER", [field]: less }, true),
        holds({ key: "a", target, result: "GREATER", [field]: same }, false),
        holds({ key: "a", target, result: "LESS", [field]: greater }, true),
        holds({ key: "a", target, result: "LESS", [field]: same }, false),
      ]),
    ],
  },
  {
    name: "compares of a key that is not there: zeros, and VALUE is false whatever the result",
    steps: [
      holds({ key: "no", target: "VERSION", result: "EQUAL", version: 0 }, true),
      holds({ key: "no", target: "CREATE", result: "EQUAL", create_revision: 0 }, true),
      holds({ key: "no", target: "MOD", result: "LESS", mod_revision: 1 }, true),
      holds({ key: "no", target: "LEASE", result: "EQUAL", lease: 0 }, true),
      ...["EQUAL", "GREATER", "LESS", "NOT_EQUAL"].map((result) =>
        holds({ key: "no", target: "VALUE", result, value: "x" }, false),
      ),
      holds({ key: "no", target: "VALUE", result: "EQUAL", value: "" }, false),
    ],
  },
  {
    name: "an absent target_union compares against zero or no bytes",
    steps: [
      call("Put", { key: "empty" }),
      call("Put", { key: "a", value: "1" }),
      holds({ key: "empty", target: "VALUE", result: "EQUAL" }, true),
      holds({ key: "a", target: "VALUE", result: "EQUAL" }, false),
      holds({ key: "a", target: "VERSION", result: "GREATER" }, true),
      holds({ key: "no", target: "CREATE", result: "EQUAL" }, true),
    ],
  },
  {
    name: "a compare over an interval must hold for every key in it",
    steps: [
      call("Put", { key: "a1", value: "x" }),
      call("Put", { key: "a2", value: "x" }),
      holds({ key: "a", range_end: "b", target: "VALUE", result: "EQUAL", value: "x" }, true),
      call("Put", { key: "a3", value: "y" }),
      holds({ key: "a", range_end: "b", target: "VALUE", result: "EQUAL", value: "x" }, false),
      holds({ key: "a", range_end: "b", target: "VERSION", result: "EQUAL", version: 1 }, true),
      holds({ key: "p", range_end: "q", target: "VERSION", result: "EQUAL", version: 0 }, true),
      holds({ key: "p", range_end: "q", target: "VALUE", result: "NOT_EQUAL", value: "x" }, false),
      holds({ key: "a", range_end: "\x00", target: "CREATE", result: "GREATER", create_revision: 0 }, true),
    ],
  },
];

const order: Case[] = [
  {
    name: "compares see the state before, operations what came before them (checklist 5)",
    steps: [
      call("Put", { key: "a", value: "old" }, { header: { revision: rev(1) } }),
      txn(
        {
          compare: [{ key: "a", target: "VALUE", value: "old" }],
          success: [
            getOp("a"),
            putOp("a", "new"),
            getOp("a"),
            deleteOp("b"),
            getOp("a", { revision: rev(1) }),
            txnOp({
              compare: [{ key: "a", target: "VALUE", value: "old" }],
              success: [getOp("a")],
              failure: [putOp("wrong")],
            }),
          ],
          failure: [putOp("wrong")],
        },
        {
          header: { revision: rev(2) },
          succeeded: true,
          responses: [
            { response_range: { kvs: [{ value: "old", mod_revision: rev(1) }] } },
            { response_put: { header: { revision: rev(2) } } },
            { response_range: { kvs: [{ value: "new", mod_revision: rev(2), version: 2 }] } },
            { response_delete_range: { deleted: 0 } },
            { response_range: { kvs: [{ value: "old" }] } },
            {
              response_txn: { succeeded: true, responses: [{ response_range: { kvs: [{ value: "new" }] } }] },
            },
          ],
        },
      ),
      call("Range", { key: "wrong" }, { count: 0 }),
    ],
  },
  {
    name: "all changes of one txn share a revision; the other branch does not run",
    steps: [
      txn(
        {
          compare: [{ key: "a", target: "VERSION", version: 5 }],
          success: [putOp("s")],
          failure: [putOp("f1"), putOp("f2"), deleteOp("f3")],
        },
        {
          succeeded: false,
          header: { revision: rev(1) },
          responses: [{ response_put: {} }, { response_put: {} }, { response_delete_range: { deleted: 0 } }],
        },
      ),
      call(
        "Range",
        { key: "f", range_end: "g" },
        {
          kvs: [
            { key: "f1", mod_revision: rev(1) },
            { key: "f2", mod_revision: rev(1) },
          ],
        },
      ),
      call("Range", { key: "s" }, { count: 0 }),
    ],
  },
  {
    name: "an empty txn succeeds and changes nothing",
    steps: [
      txn({}, { succeeded: true, responses: [], header: { revision: rev(0) } }),
      txn(
        { success: [deleteOp("nothing")] },
        { header: { revision: rev(0) }, responses: [{ response_delete_range: { deleted: 0 } }] },
      ),
    ],
  },
  {
    name: "prev_kv, ignore_value and leases inside a txn",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 9 }),
      call("Put", { key: "a", value: "1", lease: 9 }),
      txn(
        {
          success: [
            { request_put: { key: "a", ignore_value: true, ignore_lease: true, prev_kv: true } },
            getOp("a"),
            { request_delete_range: { key: "z", prev_kv: true } },
          ],
        },
        {
          responses: [
            { response_put: { prev_kv: { value: "1", version: 1 } } },
            { response_range: { kvs: [{ value: "1", lease: 9, version: 2 }] } },
            { response_delete_range: { prev_kvs: [] } },
          ],
        },
      ),
      txn(
        { success: [putOp("b"), { request_put: { key: "c", lease: 404 } }] },
        refused(NOT_FOUND, "requested lease not found"),
      ),
      call("Range", { key: "b" }, { count: 0 }),
    ],
  },
];

const refusals: Case[] = [
  {
    name: "operations are checked by their own rules",
    steps: [
      txn({ success: [putOp("")] }, refused(INVALID_ARGUMENT, "key is not provided")),
      txn({ failure: [getOp("")] }, refused(INVALID_ARGUMENT, "key is not provided")),
      txn({ success: [deleteOp("")] }, refused(INVALID_ARGUMENT, "key is not provided")),
      txn({ compare: [{ key: "" }] }, refused(INVALID_ARGUMENT, "key is not provided")),
      txn(
        { success: [{ request_put: { key: "a", value: "x", ignore_value: true } }] },
        refused(INVALID_ARGUMENT, "value is provided"),
      ),
      txn(
        { success: [{ request_put: { key: "a", lease: 1, ignore_lease: true } }] },
        refused(INVALID_ARGUMENT, "lease is provided"),
      ),
      txn({ success: [{}] }, refused(INVALID_ARGUMENT, "key not found")),
      txn({ success: [txnOp({ success: [putOp("")] })] }, refused(INVALID_ARGUMENT, "key is not provided")),
      txn(
        { success: [{ request_put: { key: "absent", ignore_value: true } }] },
        refused(INVALID_ARGUMENT, "key not found"),
      ),
      call("Range", { key: "a" }, { header: { revision: rev(0) } }),
    ],
  },
  {
    name: "the number of operations",
    steps: [
      txn({ success: Array.from({ length: 128 }, (_, i) => putOp(`k${i}`)) }),
      txn({ success: Array.from({ length: 129 }, (_, i) => putOp(`k${i}`)) }, tooMany),
      txn({ failure: Array.from({ length: 129 }, (_, i) => getOp(`k${i}`)) }, tooMany),
      txn({ compare: Array.from({ length: 129 }, () => ({ key: "a", target: "VERSION" })) }, tooMany),
      txn({ success: [txnOp({ success: Array.from({ length: 127 }, (_, i) => getOp(`k${i}`)) })] }),
      txn({ success: [txnOp({ success: Array.from({ length: 128 }, (_, i) => getOp(`k${i}`)) })] }, tooMany),
    ],
  },
  {
    name: "the duplicate rule, nested branches included (checklist 6)",
    steps: [
      txn({ success: [putOp("a"), putOp("a")] }, duplicate),
      txn({ success: [putOp("a")], failure: [putOp("a")] }),
      txn({ success: [putOp("b"), deleteOp("a", "c")] }, duplicate),
      txn({ success: [deleteOp("a", "c"), putOp("b")] }, duplicate),
      txn({ success: [deleteOp("b"), putOp("b")] }, duplicate),
      // etcd looks at such an interval as it is written, [a, 0): empty.
      txn({ success: [deleteOp("a", "\x00"), putOp("zzz")] }),
      txn({ success: [putOp("zzz"), deleteOp("\x00", "\x00")] }),
      txn({ success: [deleteOp("a", "c"), putOp("c")] }),
      txn({ success: [deleteOp("a", "c"), deleteOp("b", "d")] }),
      txn({ success: [putOp("a"), getOp("a"), getOp("a")] }),
      txn({ success: [putOp("a"), txnOp({ success: [putOp("a")] })] }, duplicate),
      txn({ success: [putOp("a"), txnOp({ failure: [putOp("a")] })] }, duplicate),
      txn({ success: [txnOp({ success: [putOp("a")] }), putOp("a")] }, duplicate),
      txn({ success: [txnOp({ success: [putOp("a")], failure: [putOp("a")] })] }),
      txn({ success: [txnOp({ success: [putOp("a")] }), txnOp({ success: [putOp("a")] })] }, duplicate),
      txn({ success: [deleteOp("a", "c"), txnOp({ failure: [putOp("b")] })] }, duplicate),
      txn({ success: [txnOp({ success: [deleteOp("a", "c")] }), putOp("b")] }, duplicate),
      txn({ success: [txnOp({ success: [txnOp({ success: [putOp("a")] })] }), putOp("a")] }, duplicate),
    ],
  },
  {
    name: "nested transactions run the branch that their own compares choose",
    steps: [
      txn(
        {
          success: [
            txnOp({
              compare: [{ key: "n", target: "VERSION", result: "GREATER", version: 0 }],
              success: [putOp("yes")],
              failure: [putOp("no", "1")],
            }),
            getOp("no"),
          ],
        },
        {
          header: { revision: rev(1) },
          responses: [
            { response_txn: { succeeded: false, responses: [{ response_put: {} }] } },
            { response_range: { kvs: [{ key: "no", value: "1" }] } },
          ],
        },
      ),
    ],
  },
];

export const txnGroups: readonly CaseGroup[] = [{ name: "txn", cases: [...compares, ...order, ...refusals] }];
