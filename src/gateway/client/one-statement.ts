// The client, and what is to be done when its statement is over.

import type { ExecutorClient } from "./executor-client.ts";
import { ForwardingClient } from "./forwarding-client.ts";

export class OneStatement extends ForwardingClient {
  readonly #over: () => void;

  /** `over` is called before the client is told. */
  constructor(client: ExecutorClient, over: () => void) {
    super(client);
    this.#over = over;
  }

  override commandDone(): void {
    this.#over();
    this.client.commandDone();
  }

  override destroy(): void {
    this.#over();
    this.client.destroy();
  }
}
