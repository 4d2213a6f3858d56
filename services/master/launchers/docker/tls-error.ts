/** Codes of node's TLS client for a server whose certificate nobody vouches for; see "X509 certificate error codes" there. */
const untrusted: ReadonlySet<string> = new Set([
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

const clientFiles = "cert.pem and key.pem in the folder that DOCKER_CERT_PATH names";

/**
 * What is wrong with the TLS between the master and its Docker engine, and what to do, to follow "the Docker engine at x".
 * Undefined: something else is wrong.
 *
 * @param code of the error, as node or OpenSSL calls it
 * @param message of the error, or of the engine's answer
 */
export function describeTlsError(code: string, message: string): string | undefined {
  if (untrusted.has(code)) {
    return (
      "shows a certificate that the master does not trust: put the authority that signed it, as ca.pem, into the folder that " +
      "DOCKER_CERT_PATH names"
    );
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return "shows a certificate that is not valid now: renew it, or set the clock of the master's host";
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `shows a certificate of another host: write it in DOCKER_HOST as the certificate does (${message})`;
  }
  // The engine's word comes as an alert once the handshake is over for this side: RFC 8446, section 6.2.
  if (/_ALERT_/.test(code)) {
    return `does not accept the master's certificate (${code}): put one that its authority signed, as ${clientFiles}`;
  }
  if (/^ERR_(OSSL|CRYPTO)_/.test(code))
    return `cannot be asked with these certificates (${message}): fix ${clientFiles}`;
  if (
    code === "EPROTO" ||
    code === "ERR_SSL_WRONG_VERSION_NUMBER" ||
    code === "ERR_SSL_PACKET_LENGTH_TOO_LONG"
  ) {
    return `does not speak TLS at that port (${message}): unset DOCKER_TLS_VERIFY, or name another port in DOCKER_HOST`;
  }
  if (/HTTP request to an HTTPS server/.test(message)) {
    return "speaks TLS alone: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to a folder with ca.pem, cert.pem and key.pem";
  }
  return undefined;
}
