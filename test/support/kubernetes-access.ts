/** A certificate and a kubeconfig for a {@link KubernetesServer}, made for one run of tests. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubernetesServer } from "./kubernetes-server.js";

export class KubernetesAccess {
  readonly folder: string = mkdtempSync(join(tmpdir(), "ekv-kubernetes-"));
  readonly tls: { readonly key: string; readonly cert: string };

  constructor() {
    const key = join(this.folder, "key.pem");
    const cert = join(this.folder, "cert.pem");
    execFileSync(
      "openssl",
      [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "2",
        ],
        ...[
          "-subj",
          "/CN=localhost",
          "-addext",
          "subjectAltName=DNS:localhost",
          "-keyout",
          key,
          "-out",
          cert,
        ],
      ],
      { stdio: "pipe" },
    );
    this.tls = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  }

  /** Writes a kubeconfig; returns its path. */
  kubeconfig(server: KubernetesServer, token: string = server.token): string {
    const path = join(this.folder, "kubeconfig");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "tests",
          cluster: {
            server: server.url,
            "certificate-authority-data": Buffer.from(this.tls.cert).toString("base64"),
          },
        },
      ],
      users: [{ name: "launcher", user: { token } }],
      contexts: [
        { name: "tests", context: { cluster: "tests", user: "launcher", namespace: server.namespace } },
      ],
      "current-context": "tests",
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
