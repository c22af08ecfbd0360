// The manifests in deploy/: each overlay renders, every object is valid by the Kubernetes API's own schema, and what it
// starts exists: flags, ports, probe paths, Secrets and ConfigMaps.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import * as appsV1 from "kubernetes-models/apps/v1";
import * as autoscalingV2 from "kubernetes-models/autoscaling/v2";
import * as batchV1 from "kubernetes-models/batch/v1";
import * as networkingV1 from "kubernetes-models/networking.k8s.io/v1";
import * as policyV1 from "kubernetes-models/policy/v1";
import * as coreV1 from "kubernetes-models/v1";
import { ctlCommand } from "../../src/bin/ctl.ts";
import { gatewayCommand } from "../../src/bin/gateway.ts";
import { tabletCommand } from "../../src/bin/tablet.ts";
import { parseUsers } from "../../src/gateway/access/users.ts";
import { readRulesText } from "../../src/rules/read-rules.ts";
import { ROOT } from "../fixture/build.ts";
import { canRender, DEPLOY, type KubernetesObject, OVERLAYS, type PodSpec, render } from "./render.ts";

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

/** Base64 of several lines, which the API takes and the schema does not. */
function joined(object: KubernetesObject): KubernetesObject {
  if (object.kind !== "Secret") return object;
  return JSON.parse(
    JSON.stringify(object, (_, value: unknown) => (typeof value === "string" ? value.replaceAll("\n", "") : value)),
  );
}

describe.skipIf(!canRender).each(OVERLAYS)("overlay %s", (overlay) => {
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
        const given = flags.map((flag) => flag.split("=", 1)[0]);
        expect(given, "each flag once").toEqual([...new Set(given)]);
        const endpoints = flags.find((flag) => flag.startsWith("--topo-endpoints="))?.split(",") ?? [];
        expect(endpoints).toHaveLength(overlay === "production" ? 3 : 1);
        if (name === "tablet") expect(given).toContain("--mysql-password-file");
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

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: { readonly defaults: { readonly unit: string }; readonly overrides: readonly unknown[] };
  readonly targets: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

/** Grafana's own schema, as far as its dashboard model reads it (schemaVersion 39). */
test("the dashboard is one that Grafana loads", () => {
  const file = join(DEPLOY, "overlays/production/dashboard.json");
  const dashboard: Dashboard = JSON.parse(readFileSync(file, "utf8"));
  expect(dashboard).toMatchObject({ uid: "shardgate", title: "Shardgate", schemaVersion: 39 });
  const sources = dashboard.templating.list
    .filter(({ type }) => type === "datasource")
    .map(({ name }) => `\${${name}}`);
  const { panels } = dashboard;
  expect(panels.length).toBeGreaterThan(15);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const panel of panels) {
    const { title, datasource, gridPos, fieldConfig, targets } = panel;
    expect(panel.type, title).toBe("timeseries");
    expect(datasource.type, title).toBe("prometheus");
    expect(sources, title).toContain(datasource.uid);
    expect(fieldConfig.defaults.unit, title).toMatch(/^\w+$/);
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    const overlapping = panels.filter(({ gridPos: other }) => {
      const isBeside = other.x + other.w <= gridPos.x || gridPos.x + gridPos.w <= other.x;
      return !isBeside && other.y < gridPos.y + gridPos.h && gridPos.y < other.y + other.h;
    });
    expect(overlapping, title).toEqual([panel]);
    expect(targets.length, title).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
    for (const { expr } of targets) expect(isBalanced(expr), expr).toBe(true);
  }
});

function isBalanced(expression: string): boolean {
  const open: string[] = [];
  const pairs: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
  for (const character of expression.replaceAll(/"[^"]*"/g, "")) {
    if ("([{".includes(character)) open.push(character);
    else if (pairs[character] !== undefined && open.pop() !== pairs[character]) return false;
  }
  return open.length === 0;
}
