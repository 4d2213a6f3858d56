import { type Entry, contentText, entryText } from "../replica/entry.js";
import { Violation } from "../world/observations.js";
import type { World } from "../world/world.js";

/** One entry an epoch: whoever makes or learns an entry has the same as everybody else. */
export function checkEntry({ observations }: World, partition: number, entry: Entry): void {
  const name = `${partition} ${entry.epoch}`;
  const content = contentText(entry);
  const known = observations.entries.get(name);
  if (known === undefined) observations.entries.set(name, content);
  else if (known !== content)
    throw new Violation(`p${partition} has two entries at an epoch: ${entryText(entry)}, and ${known}`);
}
