/** The least of the protobuf wire format that is needed to write wrong messages, which no library will. */

/** Wire types; see protobuf.dev/programming-guides/encoding. */
export const wireType = { varint: 0, bit64: 1, bytes: 2, startGroup: 3, endGroup: 4, bit32: 5 } as const;

/** A varint of up to 64 bits. `padding` bytes more than it needs make it overlong, which readers must accept up to ten. */
export function varint(value: bigint, padding = 0): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(left & 0x7fn));
    left >>= 7n;
  } while (left > 0n);
  for (let i = 0; i < padding && bytes.length < 10; i += 1) bytes.push(0);
  return Buffer.from(bytes.map((byte, index) => (index < bytes.length - 1 ? byte | 0x80 : byte)));
}

/** A field's tag. */
export function tag(field: number, type: number): Buffer {
  return varint(BigInt(field) * 8n + BigInt(type));
}

/** A length-delimited field. `claimed` is the length it says, by default its own. */
export function delimited(field: number, content: Uint8Array, claimed: number = content.length): Buffer {
  return Buffer.concat([tag(field, wireType.bytes), varint(BigInt(claimed)), content]);
}

/** A varint field. */
export function varintField(field: number, value: bigint, padding = 0): Buffer {
  return Buffer.concat([tag(field, wireType.varint), varint(value, padding)]);
}

/** A double, as on the wire. */
export function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** A gRPC frame: compressed flag, length, message. */
export function frame(message: Uint8Array, flag = 0, claimed: number = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(claimed, 1);
  return Buffer.concat([head, message]);
}
