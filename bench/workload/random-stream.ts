/** Numbers in [0, 1), one a call. */
export type RandomStream = () => number;

const warmUpDraws = 12;

/** A seeded stream, the same for the same seed: sfc32, from Chris Doty-Humphrey's PractRand. */
export function randomStream(seed: number): RandomStream {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const draw: RandomStream = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < warmUpDraws; i += 1) draw();
  return draw;
}
