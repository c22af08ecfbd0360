// What the manifests start, started: real processes with exactly their arguments, as their users, on a read-only root file
// system, in a network of their own (test/deploy/pod.sh). Every port and every probe answers there.

import { execFile, execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { withServer } from "../../src/local/server-connection.ts";
import {
  canRender,
  type Container,
  DEPLOY,
  type KubernetesObject,
  OVERLAYS,
  type PodSpec,
  render,
} from "../deploy/render.ts";
import { ensureBuilt, ROOT } from "../fixture/build.ts";
import { startMysqld, temporaryDir } from "../fixture/cluster.ts";

const TIMEOUT_MS = 300_000;
/** What runs is killed then, if it does not end by itself. */
const RUN_MAX_MS = 280_000;
/** How long ports and probes may take to answer. */
const PATIENCE_MS = 120_000;
const ENTRYPOINT = "node /opt/shardgate/dist/bin/shardgate.js";
const PASSWORD = "of the tablet";

function canIsolate(): boolean {
  try {
    execFileSync("unshare", ["--net", "--mount", "--pid", "--fork", "ip", "link", "set", "lo", "up"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    process.stderr.write("no namespaces here (root is needed): what manifests start is not started\n");
    return false;
  }
}

interface Check {
  readonly name: string;
  readonly port: number;
  readonly path?: string;
  /** A regular expression. */
  readonly wanted: string;
}

const dir = temporaryDir("deploy");
let mysqld: Mysqld;

function podOf(objects: readonly KubernetesObject[], name: string): PodSpec {
  const spec = objects.find(({ metadata, spec: each }) => metadata.name === name && each?.template !== undefined)?.spec;
  if (spec?.template === undefined) throw new Error(`no pod of ${name}`);
  return spec.template.spec;
}

function containerOf(pod: PodSpec, name: string): Container {
  const container = pod.containers.find((each) => each.name === name);
  if (container === undefined) throw new Error(`no container ${name}`);
  return container;
}

/** As Kubernetes does it: `$(NAME)` is replaced by the container's variable. */
function expanded(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\(([A-Z_]+)\)/g, (whole, name: string) => variables[name] ?? whole);
}

function quoted(words: readonly string[], variables: Readonly<Record<string, string>> = {}): string {
  return words.map((word) => `'${expanded(word, variables).replaceAll("'", "'\\''")}'`).join(" ");
}

function as(user: number | undefined, command: string): string {
  return `setpriv --reuid ${user} --regid ${user} --clear-groups --no-new-privs -- ${command}`;
}

/** Every port of a container, and every HTTP probe at its port. `ready`: how /readyz is to answer. */
function checksOf(container: Container, says: Readonly<Record<string, string>>, ready: string): readonly Check[] {
  const ports = container.ports ?? [];
  const probes = ["livenessProbe", "readinessProbe", "startupProbe"].flatMap((probe) => {
    const get = (container[probe] as { httpGet?: { path: string; port: string } } | undefined)?.httpGet;
    const port = ports.find(({ name }) => name === get?.port)?.containerPort;
    if (get === undefined || port === undefined) return [];
    const wanted = get.path === "/readyz" ? ready : "^200 ";
    return [{ name: `${container.name} ${probe}`, port, path: get.path, wanted }];
  });
  return [
    ...probes,
    ...ports.map(({ name, containerPort: port }) => ({
      name: `${container.name} port ${name}`,
      port,
      wanted: says[name] ?? "^open",
    })),
  ];
}

beforeAll(async () => {
  if (!canRender) return;
  await ensureBuilt();
  chmodSync(dir.path, 0o755);
  mysqld = await startMysqld({ dir: join(dir.path, "mysqld") });
  chmodSync(dirname(mysqld.socketPath), 0o755);
  await withServer(mysqld.socketPath, async (server) => {
    await server.run("CREATE DATABASE commerce");
    await server.run(`CREATE USER shardgate@localhost IDENTIFIED BY '${PASSWORD}'`);
    await server.run("GRANT ALL PRIVILEGES ON *.* TO shardgate@localhost WITH GRANT OPTION");
  });
}, TIMEOUT_MS);

afterAll(async () => {
  await mysqld?.stop();
  dir.remove();
});

describe.skipIf(!canRender || !canIsolate()).each(OVERLAYS)("overlay %s", (overlay) => {
  test("every port and every probe answers", { timeout: TIMEOUT_MS }, async () => {
    const objects = render(overlay);
    const gatewayPod = podOf(objects, "gateway");
    const shardPod = podOf(objects, "shard-commerce-0");
    const job = podOf(objects, "topology");
    // Three members would need three pods: here the topology is that of the base.
    const etcdPod = podOf(render("dev"), "etcd");
    const [gateway, tablet, etcd] = [
      containerOf(gatewayPod, "gateway"),
      containerOf(shardPod, "tablet"),
      containerOf(etcdPod, "etcd"),
    ];
    const pod = join(dir.path, overlay);
    for (const each of ["users", "tls", "mysqld", "vschema"]) mkdirSync(join(pod, "etc", each), { recursive: true });
    copyFileSync(join(DEPLOY, "overlays/dev/users.json"), join(pod, "etc/users/users.json"));
    const out = ["-keyout", join(pod, "etc/tls/tls.key"), "-out", join(pod, "etc/tls/tls.crt")];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...key, "-days", "2", "-subj", "/CN=gateway", ...out], { stdio: "pipe" });
    chmodSync(join(pod, "etc/tls/tls.key"), 0o644);
    writeFileSync(join(pod, "etc/mysqld/password"), PASSWORD);
    const vschema = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.startsWith("vschema"));
    for (const [name, text] of Object.entries(vschema?.data ?? {})) writeFileSync(join(pod, "etc/vschema", name), text);
    const names = ["etcd-0.etcd", "etcd-1.etcd", "etcd-2.etcd", "shard-commerce-0-0.shard-commerce-0", "localhost"];
    writeFileSync(join(pod, "hosts"), `127.0.0.1 ${names.join(" ")}\n`);

    const cluster = etcd.env?.find(({ name }) => name === "ETCD_INITIAL_CLUSTER")?.value ?? "";
    const etcdVariables = { POD_NAME: "etcd-0", ETCD_INITIAL_CLUSTER: cluster };
    // It is the same in both: here the production's gateway finds an empty topology.
    const isEmpty = overlay === "production";
    const jobs = isEmpty ? [] : [...(job.initContainers ?? []), ...job.containers];
    const checks = [
      ...checksOf(etcd, {}, "^200 "),
      ...checksOf(tablet, {}, "^200 ok"),
      // The other keyspace has no tablets here.
      ...checksOf(
        gateway,
        { mysql: "^open, says .*-shardgate" },
        isEmpty ? "^503 .*no topology" : "^503 .*customer/-80: no primary tablet",
      ),
    ];
    const etcdUser = etcdPod.securityContext?.runAsUser;
    const gatewayUser = gatewayPod.securityContext?.runAsUser;
    const steps = [
      "set -u",
      `${as(etcdUser, quoted(etcd.command ?? [], etcdVariables))} >/tmp/etcd.log 2>&1 &`,
      // As the Job does: again until etcd is there.
      ...jobs.map(({ args = [] }) => {
        const command = as(job.securityContext?.runAsUser, `${ENTRYPOINT} ${quoted(args)}`);
        return `for try in $(seq 30); do ${command} >>/tmp/job.log 2>&1 && break; sleep 1; done`;
      }),
      `${as(shardPod.securityContext?.runAsUser, `${ENTRYPOINT} ${quoted(tablet.args ?? [], { POD_NAME: "shard-commerce-0-0" })}`)} >/tmp/tablet.log 2>&1 &`,
      `${as(gatewayUser, `${ENTRYPOINT} ${quoted(gateway.args ?? [], { POD_IP: "127.0.0.1" })}`)} >/tmp/gateway.log 2>&1 &`,
      `node /opt/probe.mjs ${quoted([JSON.stringify(checks), String(PATIENCE_MS)])}`,
      "tail -n 5 /tmp/*.log >&2",
    ];
    writeFileSync(join(pod, "steps.sh"), `${steps.join("\n")}\n`);
    copyFileSync(join(ROOT, "test/deploy/probe.mjs"), join(pod, "probe.mjs"));
    const script = join(ROOT, "test/deploy/pod.sh");
    const { stdout, stderr } = await promisify(execFile)("bash", [script, pod, ROOT, dirname(mysqld.socketPath)], {
      timeout: RUN_MAX_MS,
      killSignal: "SIGKILL",
    });
    const answers: Record<string, string> = JSON.parse(stdout);
    for (const { name, wanted } of checks) expect(answers[name], `${name}\n${stderr}`).toMatch(new RegExp(wanted, "s"));
    expect(checks.length).toBeGreaterThan(12);
  });
});
