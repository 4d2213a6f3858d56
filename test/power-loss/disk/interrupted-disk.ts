import { type DiskEvent, type DiskImage, type FileNumber, folderNumber } from "./history.js";
import { type Arrival, PendingFile } from "./pending-file.js";
import { PendingNames } from "./pending-names.js";

/** What of a disk's pending changes arrived before the power went. */
export interface DiskArrival {
  /** Whether a change of the folder did, if those before it of the same names did. */
  entry(index: number): boolean;
  content(file: PendingFile, number: FileNumber): Arrival;
}

/** A recorded disk at one moment of its history: what is durable, and what may have arrived besides. Goes forward only. */
export class InterruptedDisk {
  readonly files = new Map<FileNumber, PendingFile>();
  readonly names: PendingNames;
  readonly #syncs = new Map<number, { readonly file: FileNumber; readonly at: number }>();
  #now = 0;

  constructor(initial: DiskImage) {
    const names = new Map<string, FileNumber>();
    for (const [name, bytes] of initial) {
      const number = this.files.size + 1;
      this.files.set(number, new PendingFile(bytes));
      names.set(name, number);
    }
    this.names = new PendingNames(names);
  }

  /** How many events have happened. */
  get now(): number {
    return this.#now;
  }

  /** The next event happens. */
  advance(event: DiskEvent): void {
    const at = this.#now;
    this.#now += 1;
    switch (event.kind) {
      case "write":
      case "truncate":
        this.#file(event.file).change(at, event);
        break;
      case "create":
        this.files.set(event.file, new PendingFile());
        this.names.change(at, event);
        break;
      case "rename":
      case "remove":
        this.names.change(at, event);
        break;
      case "syncBegun":
        this.#syncs.set(event.sync, { file: event.file, at });
        break;
      case "synced": {
        const begun = this.#syncs.get(event.sync);
        if (!begun) throw new Error(`sync ${event.sync} ended and never began`);
        if (begun.file === folderNumber) this.names.settle(begun.at);
        else this.#file(begun.file).settle(begun.at);
        break;
      }
    }
  }

  /** What is found when the power is back. */
  image(arrival: DiskArrival): DiskImage {
    const image = new Map<string, Uint8Array>();
    for (const [name, number] of this.names.arrived((index) => arrival.entry(index))) {
      const file = this.#file(number);
      image.set(name, file.arrived(arrival.content(file, number)));
    }
    return image;
  }

  #file(number: FileNumber): PendingFile {
    const file = this.files.get(number);
    if (!file) throw new Error(`there is no file ${number}`);
    return file;
  }
}
