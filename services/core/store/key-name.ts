/** A key's bytes as a string of one character a byte, to look it up in a Map. */
export function keyName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}
