/** One line without its newline; undefined bytes when it was longer than allowed. Numbers begin at 1. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer | undefined;
}

const newline = 0x0a;

/** Splits a stream of bytes into lines, holding no more than one line of at most `bytesMax`. */
export async function* splitLines(
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Line, void, undefined> {
  let number = 1;
  let pieces: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length > bytesMax) pieces = [];
    else pieces.push(piece);
  };
  const take = (): Line => {
    const line = { number, bytes: length > bytesMax ? undefined : Buffer.concat(pieces) };
    number += 1;
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      add(bytes.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start < bytes.length) add(bytes.subarray(start));
  }
  if (length > 0) yield take();
}
