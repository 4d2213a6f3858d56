/** What an error tells of a call: kept up to date while the call runs. */
export interface CallTrace {
  /** How many times a server was asked. */
  attempts: number;
  /** host:port of the server asked last. */
  store: string | undefined;
}
