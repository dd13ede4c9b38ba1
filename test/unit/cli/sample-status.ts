/** A status with something in every part. */
import type { AgentStatus } from "../../../src/api/agent/status.ts";

export const sampleStatus: AgentStatus = {
  self: { name: "h1", memberId: "8e9e05c52164694d", role: "server", version: "0.1.0" },
  cluster: { id: "cdf818194e3a8c32", leader: "91bc3c398fb3c146", term: 3, raftIndex: 57, revision: 42 },
  members: [
    {
      id: "8e9e05c52164694d",
      name: "h1",
      peerURLs: ["http://10.0.0.1:2380"],
      clientURLs: ["http://10.0.0.1:2379"],
      isLearner: false,
      leader: false,
      reachable: true,
    },
    {
      id: "91bc3c398fb3c146",
      name: "h2",
      peerURLs: ["http://10.0.0.2:2380"],
      clientURLs: [],
      isLearner: false,
      leader: true,
      reachable: null,
    },
  ],
  machines: [
    {
      id: "0123456789abcdef0123456789abcdef",
      name: "h1",
      ip: "10.0.0.1",
      metadata: { zone: "b", disk: "ssd" },
      state: "live",
      lastReportMs: 312,
      units: 1,
    },
  ],
  units: [
    {
      name: "hello.service",
      desired: "launched",
      current: "launched",
      machine: "0123456789abcdef0123456789abcdef",
      active: "active",
      sub: "running",
    },
  ],
  subnets: [
    { subnet: "10.5.34.0/24", publicIp: "10.0.0.1", backend: "vxlan", self: true },
    { subnet: "10.5.35.0/24", publicIp: "10.0.0.2", backend: "vxlan", self: false },
  ],
  problems: ["units are off: no systemd"],
};
