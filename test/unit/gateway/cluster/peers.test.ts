import { describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { createLog } from "../../../../src/base/log.ts";
import { ConnectionIds, type PeerNetwork, type PeerPorts, Peers } from "../../../../src/gateway/cluster/peers.ts";
import { isMeant, type KillRequest, mayKill } from "../../../../src/gateway/cluster/run-kill.ts";
import { createEmbeddedTopo, type EmbeddedStore } from "../../../../src/topo/embedded.ts";
import { Topology } from "../../../../src/topo/topology.ts";

const log = createLog("test", "silent");
const PROCESS = {
  id: 7,
  user: "app",
  host: "10.0.0.5:4711",
  keyspace: undefined,
  command: "Sleep",
  seconds: 0,
  statement: undefined,
};

/** Gateways of one process that reach each other by port. */
class Network {
  readonly #ports = new Map<number, PeerPorts>();
  #nextPort = 1;

  connect(): PeerNetwork {
    const of = async (port: number): Promise<PeerPorts> => {
      const ports = this.#ports.get(port);
      if (ports === undefined) throw new Error("nobody listens");
      return ports;
    };
    return {
      listen: async (ports) => {
        const port = this.#nextPort++;
        this.#ports.set(port, ports);
        return { hostname: "h", port, close: () => this.#ports.delete(port) };
      },
      processes: async ({ grpcPort }) => (await of(grpcPort)).processes(),
      kill: async ({ grpcPort }, request) => (await of(grpcPort)).kill(request),
      close: () => {},
    };
  }
}

async function started(store: EmbeddedStore, network: Network, ids: readonly number[]): Promise<Peers> {
  const ports: PeerPorts = {
    processes: () => ids.map((id) => ({ ...PROCESS, id })),
    kill: ({ whom }) => {
      const found = whom.kind === "id" && ids.includes(whom.id) ? 1 : 0;
      return { found, killed: found };
    },
  };
  const topology = new Topology(store, "/shardgate");
  const options = { network: network.connect(), ports, topology, cell: "zone1", clock: systemClock, log };
  const peers = await Peers.start(options);
  await peers.join("127.0.0.1:1");
  return peers;
}

async function until<T>(ask: () => T | Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const startMs = performance.now();
  for (;;) {
    const value = await ask();
    if (wanted(value) || performance.now() - startMs > 60_000) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const KILL_2: KillRequest = { what: "query", whom: { kind: "id", id: 2 }, by: { user: "root", isAdmin: true } };

describe("gateways of one topology", () => {
  test("have numbers of their own and hear of each other's clients", async () => {
    const topo = await createEmbeddedTopo({ clock: systemClock });
    const network = new Network();
    const first = await started(topo.connect(), network, [1]);
    const second = await started(topo.connect(), network, [2, 3]);
    expect(first.number).toBeGreaterThan(0);
    expect(second.number).toBeGreaterThan(0);
    expect(second.number).not.toBe(first.number);
    const heard = await until(
      () => first.processes(100),
      ({ answers }) => answers.length === 1,
    );
    expect(heard.answers.flat().map(({ id }) => id)).toEqual([2, 3]);
    expect(await first.kill(KILL_2)).toEqual({ answers: [{ found: 1, killed: 1 }], silent: [] });
    await second.close();
    const alone = await until(
      () => first.processes(100),
      ({ answers, silent }) => answers.length + silent.length === 0,
    );
    expect(alone).toEqual({ answers: [], silent: [] });
    await first.close();
  });

  test("one that does not answer is named", async () => {
    const topo = await createEmbeddedTopo({ clock: systemClock });
    const network = new Network();
    const first = await started(topo.connect(), network, [1]);
    const record = { cell: "zone1", hostname: "h", listen: "127.0.0.1:9", startedAt: "2024-05-01T12:00:00.000Z" };
    const store = topo.connect();
    const topology = new Topology(store, "/shardgate");
    const registration = topology.registerGateway({ ...record, number: 77, grpcPort: 99 });
    await registration.registered;
    const { silent } = await until(
      () => first.processes(100),
      (heard) => heard.silent.length > 0,
    );
    expect(silent).toEqual([{ peer: expect.objectContaining({ number: 77 }), error: "nobody listens" }]);
    expect((await topology.getGateways()).map(({ number }) => number)).toEqual([1, 77]);
    await registration.close();
    await first.close();
    await store.close();
  });
});

describe("ids of connections", () => {
  test("have the gateway's number in the upper bits, and none twice", () => {
    const ids = new ConnectionIds();
    expect([ids.take(0), ids.take(3), ids.take(3)]).toEqual([1, 3 * 2 ** 22 + 2, 3 * 2 ** 22 + 3]);
    expect(new ConnectionIds().take(511)).toBeLessThan(2 ** 31);
  });
});

describe("whom a KILL means", () => {
  test.each([
    [{ kind: "id", id: 7 }, true],
    [{ kind: "id", id: 8 }, false],
    [{ kind: "user", user: "app", host: undefined }, true],
    [{ kind: "user", user: "app", host: "10.0.%" }, true],
    [{ kind: "user", user: "app", host: "localhost" }, false],
    [{ kind: "user", user: "root", host: undefined }, false],
  ] as const)("%j", (whom, meant) => {
    const by = { user: "app", isAdmin: false };
    const request: KillRequest = { what: "connection", whom, by };
    expect(isMeant(request, PROCESS)).toBe(meant);
    expect(mayKill(request, PROCESS)).toBe(true);
    expect(mayKill({ ...request, by: { user: "x", isAdmin: false } }, PROCESS)).toBe(false);
    expect(mayKill({ ...request, by: { user: "x", isAdmin: true } }, PROCESS)).toBe(true);
  });

  test("of this machine, however it is written", () => {
    const request: KillRequest = {
      what: "query",
      whom: { kind: "user", user: "app", host: "localhost" },
      by: { user: "app", isAdmin: false },
    };
    for (const host of ["127.0.0.1:5", "localhost", "::ffff:127.0.0.1:77"]) {
      expect(isMeant(request, { ...PROCESS, host })).toBe(true);
    }
  });
});
