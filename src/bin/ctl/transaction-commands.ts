// Commands about transactions over several shards that are prepared and not concluded.

import { Option } from "commander";
import {
  concludeTransaction,
  listTransactions,
  showTransaction,
  type UnresolvedTransaction,
} from "../../control/transactions.ts";
import { type Add, type Call, columns, EXIT } from "./call.ts";

export function addTransactionCommands(add: Add): void {
  add(
    "ListTransactions",
    "Lists transactions over several shards that are prepared and not concluded.",
    async ({ context }: Call) => {
      const list = await listTransactions(context);
      const missing = list.unreachable.map(({ tablet, error }) => `${tablet} cannot be asked: ${error}\n`).join("");
      const code = list.unreachable.length > 0 ? EXIT.unavailable : EXIT.ok;
      return { json: list, text: `${transactionTable(list.transactions)}${missing}`, code };
    },
  );
  add("ShowTransaction <transaction>", "Shows one of them.", async ({ context, first }: Call) => {
    const transaction = await showTransaction(context, first);
    return { json: transaction, text: transactionTable([transaction]) };
  });
  add(
    "ConcludeTransaction <transaction>",
    "Commits or rolls back such a transaction on all its shards, as the shard decides that coordinates it.",
    async ({ context, flags, first }: Call) => {
      const { decision, resolved } = await concludeTransaction(context, first, flags.decision);
      const text = `Transaction ${first}: ${decision} on ${resolved} shards.\n`;
      return { json: { transaction: first, decision, resolved }, text };
    },
    [new Option("--decision <decision>", "what to do if that shard cannot be asked").choices(["commit", "abort"])],
  );
}

function transactionTable(transactions: readonly UnresolvedTransaction[]): string {
  const rows = transactions.map(({ transaction, coordinator, decision, prepared, ageMs }) => [
    transaction,
    coordinator ?? "",
    decision ?? "",
    prepared.join(" "),
    `${Math.round(ageMs / 1_000)} s`,
  ]);
  return columns(["TRANSACTION", "COORDINATOR", "DECISION", "PREPARED ON", "AGE"], rows);
}
