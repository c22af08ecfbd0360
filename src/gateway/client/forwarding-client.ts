// A client in front of another one: what it does not do otherwise goes on to that. Only what runs at the edge, where the
// client's own packets come in (EdgeClient), hands on those too.

import type { ClientPacket, ExecutorClient } from "./executor-client.ts";

export class ForwardingClient implements ExecutorClient {
  protected readonly client: ExecutorClient;

  constructor(client: ExecutorClient) {
    this.client = client;
  }

  get capabilities(): number {
    return this.client.capabilities;
  }

  write(bytes: Buffer): boolean {
    return this.client.write(bytes);
  }

  onDrain(resume: () => void): void {
    this.client.onDrain(resume);
  }

  commandDone(): void {
    this.client.commandDone();
  }

  end(): void {
    this.client.end();
  }

  destroy(): void {
    this.client.destroy();
  }
}

export class EdgeClient extends ForwardingClient {
  get isIdle(): boolean {
    return this.client.isIdle === true;
  }

  nextPacket(): Promise<ClientPacket | undefined> {
    return this.client.nextPacket?.() ?? Promise.resolve(undefined);
  }
}
