/** Where a message goes to or comes from. */
export type Address = `s${number}` | `m${number}` | `c${number}` | `x${number}`;

/** A store's. */
export function storeAddress(store: number): Address {
  return `s${store}`;
}

/** A master's. */
export function masterAddress(master: number): Address {
  return `m${master}`;
}

/** A client's. */
export function clientAddress(client: number): Address {
  return `c${client}`;
}

/** A store's second stream to another, for what need not be in order with writes. */
export function sideAddress(store: number): Address {
  return `x${store}`;
}

/** The number of a store, a master or a client. */
export function numberOf(address: Address): number {
  return Number(address.slice(1));
}
