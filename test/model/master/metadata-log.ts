import type { Rules } from "../rules.js";
import type { ClusterView } from "./cluster-view.js";

/** What all masters share, as on etcd: the term of the last elected one, and a log of records, each a commit. */
export class MetadataLog {
  readonly #rules: Rules;
  #term = 1;
  readonly #records: ClusterView[];

  constructor(rules: Rules, first: ClusterView) {
    this.#rules = rules;
    this.#records = [first];
  }

  get term(): number {
    return this.#term;
  }

  /** The number of the next record. */
  get next(): number {
    return this.#records.length;
  }

  get last(): ClusterView {
    return this.#records.at(-1) as ClusterView;
  }

  /** A master is elected: whoever led before leads no longer. */
  elect(): number {
    this.#term += 1;
    return this.#term;
  }

  /** Appends a record in a transaction that compares the term and that there is no record of that number. */
  append(term: number, number: number, record: ClusterView): boolean {
    if (term !== this.#term && this.#rules.keep("a commit compares the term")) return false;
    if (number !== this.next && this.#rules.keep("a record is written once")) return false;
    this.#records.push(record);
    return true;
  }
}
