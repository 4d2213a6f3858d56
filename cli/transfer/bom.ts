/** The byte-order mark that some editors put before UTF-8. */
const bom = Buffer.from([0xef, 0xbb, 0xbf]);

/** A stream of bytes without the byte-order mark at its beginning, in however many pieces the mark comes. */
export async function* withoutBom(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  /** What came so far, while it may still turn out to be the mark. */
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (head === undefined) {
      yield bytes;
      continue;
    }
    head = Buffer.concat([head, bytes]);
    if (head.length < bom.length && bom.subarray(0, head.length).equals(head)) continue;
    yield head.subarray(0, bom.length).equals(bom) ? head.subarray(bom.length) : head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}
