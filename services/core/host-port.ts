/** A server's address, apart. */
export interface HostPort {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address goes in brackets (RFC 3986, section 3.2.2). */
export function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The reverse of {@link joinHostPort}. What has no port is a host, with port 0. */
export function splitHostPort(address: string): HostPort {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port)) return { host: address, port: 0 };
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
}

const unspecifiedHost = /^(?:0+(?:\.0+){0,3}|(?:0*:)+(?:0*|(?:ffff:)?0+(?:\.0+){3}))$/i;

/** Whether a host, without brackets, is `0.0.0.0`, `::` or another spelling of them: every address of the machine. */
export function isUnspecified(host: string): boolean {
  return unspecifiedHost.test(host);
}
