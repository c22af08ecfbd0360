// `shardgate hash-password`: the stored forms of a password, for the users file. The password is read from standard input,
// so that it stands in no history and no process list.

import { Command } from "commander";
import { messageOf } from "../base/errors.ts";
import { hashPassword } from "../gateway/access/users.ts";

export function hashPasswordCommand(): Command {
  return new Command("hash-password")
    .summary("make the hashes of a password for the users file")
    .description(
      "Reads a password from the first line of standard input and prints its hashes as JSON for the users file.",
    )
    .action(async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
      const [line = ""] = Buffer.concat(chunks).toString("utf8").split(/\r?\n/);
      try {
        process.stdout.write(`${JSON.stringify(await hashPassword(line), undefined, 2)}\n`);
      } catch (error) {
        process.stderr.write(`shardgate hash-password: ${messageOf(error)}\n`);
        process.exitCode = 1;
      }
    });
}
