// The terminal as the commands see it: text out, questions, an editor. A parameter, so that tests can be the operator.

import { spawn } from "node:child_process";

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** The answer without its line end; undefined when there is no more input. */
  ask(question: string): Promise<string | undefined>;
  /** Reads standard input to its end. */
  readAll(): Promise<string>;
  /** Runs the operator's editor on a file; resolves to its exit code. */
  edit(file: string): Promise<number>;
}

/** The process's own standard streams. The editor is $VISUAL, else $EDITOR, else vi. */
export function processTerminal(env: Readonly<Record<string, string | undefined>> = process.env): Terminal {
  let pending = "";
  let isEnded = false;
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    async ask(question) {
      process.stderr.write(question);
      while (!pending.includes("\n") && !isEnded) {
        const chunk = await nextChunk();
        if (chunk === undefined) isEnded = true;
        else pending += chunk;
      }
      if (pending === "" && isEnded) return undefined;
      const end = pending.indexOf("\n");
      const line = end < 0 ? pending : pending.slice(0, end);
      pending = end < 0 ? "" : pending.slice(end + 1);
      return line.replace(/\r$/, "");
    },
    async readAll() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString("utf8");
    },
    edit: (file) => runEditor(firstOf(env["VISUAL"], env["EDITOR"]) ?? "vi", file),
  };
}

function firstOf(...texts: (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text.trim() !== "");
}

function nextChunk(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { stdin } = process;
    const finish = (chunk: string | undefined): void => {
      stdin.pause();
      stdin.off("data", onData);
      stdin.off("end", onEnd);
      resolve(chunk);
    };
    const onData = (chunk: Buffer | string): void => finish(chunk.toString());
    const onEnd = (): void => finish(undefined);
    if (stdin.readableEnded) {
      resolve(undefined);
      return;
    }
    stdin.on("data", onData);
    stdin.on("end", onEnd);
    stdin.resume();
  });
}

/** Through the shell, as git does it, so that `EDITOR="code --wait"` works; the file is passed as an argument. */
function runEditor(command: string, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // Ctrl-C in the editor belongs to the editor.
    const ignore = (): void => {};
    process.on("SIGINT", ignore);
    const child = spawn("/bin/sh", ["-c", `${command} "$1"`, "editor", file], { stdio: "inherit" });
    const done = (): void => void process.off("SIGINT", ignore);
    child.once("error", (error) => {
      done();
      reject(error);
    });
    child.once("exit", (code) => {
      done();
      resolve(code ?? 1);
    });
  });
}
