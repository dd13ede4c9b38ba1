/**
 * The shell script that turns a fresh set of namespaces into a host: a copy-on-write view of this machine's files as its
 * root, its own /proc, /sys, /run, /tmp and cgroup tree, its own name and machine id; then the init becomes process 1.
 */
import { resolve } from "node:path";

/**
 * This checkout, which hosts see at the same path, read-only: it may lie where the overlay or the host's own file systems
 * hide it (/tmp, another mount), and no host's start may clean it away.
 */
const project = resolve(import.meta.dirname, "../..");

/** Process 1 of a host: a real systemd, or a bare program that only reaps. */
export type Init = "systemd" | "reaper";

const initWords: Record<Init, string> = {
  systemd: "/lib/systemd/systemd --unit=multi-user.target",
  reaper: "sleep infinity",
};

export interface HostScriptOptions {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly machineId: string;
  /** Directory on this machine that holds the host: `upper` and `scratch` are its disk, `root` the mount point. */
  readonly base: string;
  readonly init: Init;
  /** Lines of /etc/hosts. */
  readonly hosts: readonly string[];
}

/** The script, for `sh`, to be run as the first process of new mount, pid, net, uts, ipc and cgroup namespaces. */
export function hostScript({ name, machineId, base, init, hosts }: HostScriptOptions): string {
  return `set -eu
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir=${base}/upper,workdir=${base}/scratch ${base}/root
cd ${base}/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p .${project}
mount --bind ${project} .${project}
mount -o remount,bind,ro .${project}
mount --rbind /dev dev
mount -t cgroup2 none sys/fs/cgroup
hostname ${name}
echo ${name} >etc/hostname
echo ${machineId} >etc/machine-id
rm -rf etc/systemd/system/*.wants
cat >etc/hosts <<'END'
${hosts.join("\n")}
END
mkdir -p old
pivot_root . old
umount -l /old
ip link set lo up
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ${initWords[init]}
`;
}
