/** The only source of randomness: seeded in tests, the operating system's in production. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** `bytes` random bytes, as lower-case hex. */
  hex(bytes: number): string;
}
