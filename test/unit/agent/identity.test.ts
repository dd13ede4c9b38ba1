import { test } from "tap";
import { clusterIdentity, memberIdOf } from "../../../src/agent/identity.ts";

test("ids are those that etcd computes", async (t) => {
  // etcd's own defaults: one member, http://localhost:2380, token etcd-cluster (the example of etcd.md 12.2).
  const identity = clusterIdentity(
    "default",
    [{ name: "default", peerUrls: ["http://localhost:2380"] }],
    "etcd-cluster",
  );
  t.equal(identity.memberId, 10276657743932975437n);
  t.equal(identity.clusterId, 14841639068965178418n);
});

test("every member computes the same cluster, whatever the order of its flags", async (t) => {
  const a = { name: "a", peerUrls: ["http://a:2380"] };
  const b = { name: "b", peerUrls: ["http://b:2380", "http://b2:2380"] };
  const first = clusterIdentity("a", [a, b], "token");
  const second = clusterIdentity("b", [{ ...b, peerUrls: [...b.peerUrls].reverse() }, a], "token");
  t.equal(first.clusterId, second.clusterId);
  t.not(first.memberId, second.memberId);
  t.not(memberIdOf(a.peerUrls, "token"), memberIdOf(a.peerUrls, "other"));
});
