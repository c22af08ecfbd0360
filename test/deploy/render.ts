// The overlays of deploy/ as objects, rendered by kubectl.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { ROOT } from "../fixture/build.ts";

export const OVERLAYS = ["dev", "production"] as const;
export const DEPLOY = join(ROOT, "deploy");

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Record<string, unknown>;
  readonly [probe: string]: unknown;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: { readonly runAsUser?: number };
  readonly volumes?: readonly {
    readonly name: string;
    readonly configMap?: { name: string };
    readonly secret?: { secretName: string };
  }[];
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: { readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { metadata: { name: string } }[];
  };
}

const kubectl = ["/usr/local/bin/kubectl", "/usr/bin/kubectl"].find((path) => existsSync(path));
export const canRender = kubectl !== undefined;
if (!canRender) process.stderr.write("kubectl is not installed: manifests are not rendered\n");

export function render(overlay: string): readonly KubernetesObject[] {
  const text = execFileSync(kubectl ?? "kubectl", ["kustomize", join(DEPLOY, "overlays", overlay)], {
    encoding: "utf8",
  });
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}
