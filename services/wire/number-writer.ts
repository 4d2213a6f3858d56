import { BinaryWriter } from "@bufbuild/protobuf/wire";

const uint32Max = 0xffff_ffff;

/** Writes 64-bit numbers that fit into 32 bits as such: `BinaryWriter` makes a BigInt of each, which costs far more. */
export class NumberWriter extends BinaryWriter {
  override uint64(value: string | number | bigint): this {
    if (typeof value !== "number" || !(value >= 0 && value <= uint32Max)) return super.uint64(value);
    // Refuses fractions, as it does.
    return this.uint32(value);
  }
}
