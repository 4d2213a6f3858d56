/** The version of Node that runs this, and everything that it starts: 24 of v24.1.0. */
export function nodeMajor(): number {
  return Number.parseInt(process.versions.node, 10);
}
