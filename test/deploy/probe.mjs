// Asks the ports of a pod until each has answered as wanted, or the time is over; prints what each has said last.

import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const checks = JSON.parse(process.argv[2]);
const patienceMs = Number(process.argv[3]);
const answers = {};
const endMs = performance.now() + patienceMs;

async function ask(check) {
  if (check.path === undefined) return (await firstByte(check.port)) ?? "";
  const response = await fetch(`http://127.0.0.1:${check.port}${check.path}`, { signal: AbortSignal.timeout(5_000) });
  return `${response.status} ${await response.text()}`;
}

// What a port says of itself; nothing within a moment is an answer, too.
function firstByte(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("connect", () => socket.setTimeout(1_000, () => socket.end(resolve("open"))));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(`open, says ${data.toString("latin1")}`);
    });
  });
}

for (const check of checks) {
  for (;;) {
    answers[check.name] = await ask(check).catch((error) => String(error.cause ?? error));
    if (new RegExp(check.wanted, "s").test(answers[check.name]) || performance.now() > endMs) break;
    await delay(200);
  }
}
process.stdout.write(`${JSON.stringify(answers)}\n`);
