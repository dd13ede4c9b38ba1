/**
 * The row keys of the store: one table byte, then the key inside the table, so that one ordered set of rows holds all of
 * it and loads in a useful order (what the store is at, who is in it, leases, then history). Described byte by byte in
 * store/DESIGN.md. Bytes 0x00 and 0xff belong to the storage layer; rows of tables not listed here are refused at load.
 */

/** The tables. A number, once used in a released version, is never given to something else. */
export const Table = {
  meta: 0x01,
  member: 0x02,
  lease: 0x03,
  alarm: 0x04,
  auth: 0x05,
  authUser: 0x06,
  authRole: 0x07,
  removedMember: 0x08,
  revision: 0x10,
} as const;

/** Length of a row key of the revision table: table byte, main, sub. */
export const revisionKeyBytes = 17;

/** Where one change is: main revision, and its place among the changes of that revision. */
export interface Position {
  readonly main: number;
  readonly sub: number;
}

/** Big-endian, so that rows are in the order of history. Counters stay below 2^53 (base/ids.ts). */
export function revisionKey(main: number, sub: number): Buffer {
  const key = Buffer.allocUnsafe(revisionKeyBytes);
  key[0] = Table.revision;
  key.writeUInt32BE(Math.floor(main / 0x1_0000_0000), 1);
  key.writeUInt32BE(main % 0x1_0000_0000, 5);
  key.writeUInt32BE(Math.floor(sub / 0x1_0000_0000), 9);
  key.writeUInt32BE(sub % 0x1_0000_0000, 13);
  return key;
}

/** The inverse of `revisionKey`. */
export function revisionOf(key: Uint8Array): Position {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    main: view.getUint32(1) * 0x1_0000_0000 + view.getUint32(5),
    sub: view.getUint32(9) * 0x1_0000_0000 + view.getUint32(13),
  };
}

/** Row key of a table whose keys are 64-bit ids (members, leases). */
export function idKey(table: number, id: bigint): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = table;
  key.writeBigUInt64BE(BigInt.asUintN(64, id), 1);
  return key;
}

/** Row key of the meta table. */
export function metaKey(name: string): Buffer {
  return Buffer.concat([Buffer.from([Table.meta]), Buffer.from(name, "latin1")]);
}
