// The manifests in deploy/: each overlay renders, every object is valid by the Kubernetes API's own schema, and what it
// starts exists: flags, ports, probe paths, Secrets and ConfigMaps.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import * as appsV1 from "kubernetes-models/apps/v1";
import * as autoscalingV2 from "kubernetes-models/autoscaling/v2";
import * as batchV1 from "kubernetes-models/batch/v1";
import * as networkingV1 from "kubernetes-models/networking.k8s.io/v1";
import * as policyV1 from "kubernetes-models/policy/v1";
import * as coreV1 from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";
import { ctlCommand } from "../../src/bin/ctl.ts";
import { gatewayCommand } from "../../src/bin/gateway.ts";
import { tabletCommand } from "../../src/bin/tablet.ts";
import { parseUsers } from "../../src/gateway/users.ts";
import { readRulesText } from "../../src/rules/read-rules.ts";
import { ROOT } from "../fixture/build.ts";

const OVERLAYS = ["dev", "production"] as const;
const DEPLOY = join(ROOT, "deploy");

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Record<string, unknown>;
  readonly [probe: string]: unknown;
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly configMap?: { name: string };
    readonly secret?: { secretName: string };
  }[];
}

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly template?: { readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { metadata: { name: string } }[];
  };
}

type Model = new (data: never) => { validate(): void };

const MODELS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  v1: coreV1,
  "apps/v1": appsV1,
  "batch/v1": batchV1,
  "autoscaling/v2": autoscalingV2,
  "networking.k8s.io/v1": networkingV1,
  "policy/v1": policyV1,
};
/** Custom resources of the Prometheus operator: no schema of Kubernetes' own. */
const CUSTOM = new Set(["PodMonitor", "ServiceMonitor", "PrometheusRule"]);

const kubectl = ["/usr/local/bin/kubectl", "/usr/bin/kubectl"].find((path) => existsSync(path));
if (kubectl === undefined) process.stderr.write("kubectl is not installed: manifests are not rendered\n");

function render(overlay: string): readonly KubernetesObject[] {
  const text = execFileSync(kubectl ?? "kubectl", ["kustomize", join(DEPLOY, "overlays", overlay)], {
    encoding: "utf8",
  });
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** Base64 of several lines, which the API takes and the schema does not. */
function joined(object: KubernetesObject): KubernetesObject {
  if (object.kind !== "Secret") return object;
  return JSON.parse(
    JSON.stringify(object, (_, value: unknown) => (typeof value === "string" ? value.replaceAll("\n", "") : value)),
  );
}

describe.skipIf(kubectl === undefined).each(OVERLAYS)("overlay %s", (overlay) => {
  let objects: readonly KubernetesObject[] = [];
  let pods: readonly { readonly of: KubernetesObject; readonly spec: PodSpec }[] = [];

  beforeAll(() => {
    objects = render(overlay);
    pods = objects.flatMap((object) => {
      const spec = object.spec?.template?.spec;
      return spec === undefined ? [] : [{ of: object, spec }];
    });
  });

  test("has what a cluster needs", () => {
    const kinds = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(kinds).toEqual(expect.arrayContaining(["Deployment gateway", "StatefulSet etcd", "Job topology"]));
    expect(kinds.filter((kind) => kind.startsWith("StatefulSet shard-"))).toHaveLength(3);
  });

  test("every object is valid", () => {
    for (const object of objects) {
      const { apiVersion, kind, metadata } = object;
      if (CUSTOM.has(kind)) {
        expect(apiVersion).toBe("monitoring.coreos.com/v1");
        continue;
      }
      const model = MODELS[apiVersion]?.[kind] as Model | undefined;
      if (model === undefined) throw new Error(`no schema of ${apiVersion} ${kind}`);
      expect(() => new model(joined(object) as never).validate(), `${kind} ${metadata.name}`).not.toThrow();
    }
  });

  test("every flag is one of the executable, every value is taken", () => {
    const commands = { gateway: gatewayCommand(), tablet: tabletCommand() };
    let seen = 0;
    for (const { spec } of pods) {
      for (const { args = [], image } of spec.containers) {
        if (!image.startsWith("shardgate")) continue;
        const [name = "", ...flags] = args;
        if (name !== "gateway" && name !== "tablet") continue;
        const command = commands[name];
        for (const flag of flags) {
          const [long = "", value] = flag.split("=", 2);
          const option = command.options.find((each) => each.long === long);
          expect(option, `${name} ${long}`).toBeDefined();
          expect(option?.required === true ? value : "", `${name} ${flag} has a value`).not.toBe(undefined);
          if (option?.parseArg !== undefined && value !== undefined)
            expect(() => option.parseArg?.(value, undefined)).not.toThrow();
          seen++;
        }
      }
    }
    expect(seen).toBeGreaterThan(20);
  });

  test("commands of jobs exist, with their flags", () => {
    const job = pods.find(({ of }) => of.kind === "Job");
    const containers = [...(job?.spec.initContainers ?? []), ...(job?.spec.containers ?? [])];
    const names = new Set(containers.map(({ args = [] }) => args.find((arg) => /^[A-Z]/.test(arg)) ?? ""));
    expect(names).toEqual(new Set(["AddCellInfo", "CreateKeyspace", "CreateShard", "ApplyVSchema", "ApplyQueryRules"]));
    const ctl = ctlCommand();
    for (const { args = [] } of containers) {
      const at = args.findIndex((arg) => names.has(arg));
      const command = ctl.commands.find((each) => each.name() === args[at]);
      expect(args[0]).toBe("ctl");
      for (const [index, arg] of args.entries()) {
        if (!arg.startsWith("--")) continue;
        const long = arg.split("=", 1)[0];
        const known = (index < at ? ctl : command)?.options.map((option) => option.long);
        expect(known, `ctl ${args[at] ?? ""} ${arg}`).toContain(long);
      }
    }
  });

  test("probes go to ports that are there, mounts to volumes that are there", () => {
    for (const { of, spec } of pods) {
      const volumes = new Set([
        ...(spec.volumes ?? []).map(({ name }) => name),
        ...(of.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
      ]);
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        const ports = new Set((container.ports ?? []).map(({ name }) => name));
        for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) {
          const get = (container[probe] as { httpGet?: { path: string; port: string } } | undefined)?.httpGet;
          if (get === undefined) continue;
          expect(ports, `${of.metadata.name} ${probe}`).toContain(get.port);
          if (container.image.startsWith("shardgate")) expect(["/livez", "/readyz"]).toContain(get.path);
        }
        for (const { name } of container.volumeMounts ?? []) expect(volumes, container.name).toContain(name);
        expect(container.securityContext, container.name).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
        });
        for (const port of container.ports ?? []) {
          const listens = (container.args ?? []).some((arg) => arg.endsWith(`:${port.containerPort}`));
          if (container.image.startsWith("shardgate"))
            expect(listens, `${container.name} listens on ${port.containerPort}`).toBe(true);
        }
      }
    }
  });

  test("ConfigMaps and Secrets that pods use are there, or are said to be made by hand", () => {
    const made = new Set(
      objects.filter(({ kind }) => kind === "ConfigMap" || kind === "Secret").map(({ metadata }) => metadata.name),
    );
    const byHand = overlay === "production" ? ["mysqld", "gateway-users", "gateway-tls"] : [];
    const readme = readFileSync(join(DEPLOY, "README.md"), "utf8");
    for (const name of byHand) expect(readme).toMatch(new RegExp(`create secret \\S+ ${name} `));
    for (const { spec } of pods) {
      for (const { configMap, secret } of spec.volumes ?? []) {
        const name = configMap?.name ?? secret?.secretName;
        if (name !== undefined && !byHand.includes(name)) expect([...made]).toContain(name);
      }
    }
  });
});

test("the users of the dev overlay can be read", () => {
  const file = join(DEPLOY, "overlays/dev/users.json");
  expect([...parseUsers(readFileSync(file, "utf8"), file).keys()]).toEqual(["dev"]);
});

test("query rules can be read", () => {
  expect(readRulesText(readFileSync(join(DEPLOY, "base/query-rules.json"), "utf8")).kind).toBe("good");
});

test("VSchemas are those of the demo", () => {
  for (const keyspace of ["commerce", "customer"]) {
    const ours = readFileSync(join(DEPLOY, `base/vschema-${keyspace}.json`), "utf8");
    expect(ours).toBe(readFileSync(join(ROOT, "vschema", keyspace, "vschema.json"), "utf8"));
  }
});
