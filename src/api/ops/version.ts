/**
 * The etcd version that this agent speaks for (etcd.md section 13): numeric x.y.z, at least 3.5.13 because kube-apiserver
 * turns consistent reads off for older ones, and 3.5 because that line has v2 and v3 in one product.
 */
export const serverVersion = "3.5.21";
export const clusterVersion = "3.5.0";
