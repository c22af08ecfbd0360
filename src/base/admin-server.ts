// The admin port of a process: health probes, metrics, debug pages over HTTP. Listens on loopback unless told otherwise.
// Reading changes nothing; what can be changed, the log's level, takes a PUT, which no page of another site can have a
// browser send.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { messageOf, ShardgateError } from "./errors.ts";
import { type Log, LOG_LEVELS } from "./log.ts";
import type { Metrics } from "./process-metrics.ts";

export interface AdminPage {
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** By path. `wantsJson`: asked for by `?format=json` or an Accept header without HTML. */
export type AdminPages = ReadonlyMap<string, (wantsJson: boolean) => AdminPage | Promise<AdminPage>>;

/** A page asked of another process. */
export interface AdminRequest {
  readonly path: string;
}

/** What a process shows of itself. */
export interface AdminContents {
  readonly pages: AdminPages;
  /** Undefined: it counts nothing. */
  readonly metrics: Metrics | undefined;
}

/** Where it is shown: host:port, or by somebody else who has the port. */
export type AdminPlace = string | ((contents: AdminContents) => Promise<AdminServer>);

export interface AdminServer {
  /** host:port */
  readonly address: string;
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 100;
const LOG_LEVEL_PATH = "/debug/log-level";

/** Shows `contents` at `place`. Throws CONFIG_BAD for an address that is none or taken. */
export function serveAdmin(place: AdminPlace, contents: AdminContents, log: Log): Promise<AdminServer> {
  return typeof place === "string" ? startAdminServer(place, contents.pages, log) : place(contents);
}

/** Throws CONFIG_BAD for an address that is none or taken. */
export async function startAdminServer(listen: string, pages: AdminPages, log: Log): Promise<AdminServer> {
  const { host, port } = hostAndPort(listen);
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, response, pages, log).catch((error: unknown) => {
      log.error({ error: messageOf(error), url: request.url }, "bug: an admin page failed");
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain; charset=utf-8" });
      response.end("internal error; see the log\n");
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(new ShardgateError("CONFIG_BAD", `cannot listen on admin address ${listen}: ${messageOf(error)}`, error));
    });
    server.listen(port, host, () => resolve());
  });
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: `${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A page of a value as JSON, or as the same in a readable page. */
export function dataPage(title: string, value: unknown, wantsJson: boolean): AdminPage {
  const text = JSON.stringify(value, undefined, 2);
  if (wantsJson) return { status: 200, type: "application/json", body: `${text}\n` };
  const body = `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:2px 8px;text-align:left;vertical-align:top}td{font-family:ui-monospace,monospace}</style>
<h1>${escaped(title)}</h1>
<p>The same as JSON: <a href="?format=json">?format=json</a></p>
${tableOf(value)}
`;
  return { status: 200, type: "text/html; charset=utf-8", body };
}

async function answer(request: IncomingMessage, response: ServerResponse, pages: AdminPages, log: Log): Promise<void> {
  const url = new URL(request.url ?? "/", "http://admin.invalid");
  const isLogLevel = url.pathname === LOG_LEVEL_PATH;
  if (isLogLevel && request.method === "PUT") {
    request.resume();
    const done = setLogLevel(url.searchParams.get("level") ?? "", log);
    response.writeHead(done.status, { "content-type": done.type });
    response.end(done.body);
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    const allow = isLogLevel ? "GET, HEAD, PUT" : "GET, HEAD";
    response.writeHead(405, { allow, "content-type": "text/plain; charset=utf-8" });
    response.end(`only ${allow}\n`);
    return;
  }
  const page = isLogLevel ? (wantsJson: boolean): AdminPage => logLevelPage(log, wantsJson) : pages.get(url.pathname);
  if (page === undefined) {
    const isRoot = url.pathname === "/";
    response.writeHead(isRoot ? 200 : 404, { "content-type": "text/plain; charset=utf-8" });
    response.end(`${isRoot ? "" : "no such page; "}there are:\n${[...pages.keys(), LOG_LEVEL_PATH].join("\n")}\n`);
    return;
  }
  const accept = request.headers.accept ?? "";
  const wantsJson = url.searchParams.get("format") === "json" || !accept.includes("text/html");
  const { status, type, body } = await page(wantsJson);
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function logLevelPage({ threshold }: Log, wantsJson: boolean): AdminPage {
  const change = `curl -X PUT 'http://…${LOG_LEVEL_PATH}?level=debug'`;
  return dataPage("Log level", { level: threshold?.level ?? "silent", levels: LOG_LEVELS, change }, wantsJson);
}

function setLogLevel(wanted: string, log: Log): AdminPage {
  const level = LOG_LEVELS.find((each) => each === wanted);
  if (level === undefined || log.threshold === undefined) {
    const body = `wanted: ${LOG_LEVEL_PATH}?level=${LOG_LEVELS.join("|")}\n`;
    return { status: 400, type: "text/plain; charset=utf-8", body };
  }
  const { threshold } = log;
  const before = threshold.level;
  threshold.level = level;
  log.warn({ before, level }, "log level changed");
  return dataPage("Log level", { level }, true);
}

/** Lists of objects become tables, objects two columns. */
function tableOf(value: unknown): string {
  if (Array.isArray(value)) {
    const rows = value.filter((row): row is Record<string, unknown> => typeof row === "object" && row !== null);
    const [first] = rows;
    if (first === undefined) return value.length === 0 ? "<p>none</p>" : `<pre>${escaped(JSON.stringify(value))}</pre>`;
    const names = Object.keys(first);
    const head = names.map((name) => `<th>${escaped(name)}</th>`).join("");
    const body = rows.map((row) => `<tr>${names.map((name) => `<td>${cell(row[name])}</td>`).join("")}</tr>`);
    return `<table><tr>${head}</tr>\n${body.join("\n")}</table>`;
  }
  if (typeof value !== "object" || value === null) return `<pre>${escaped(String(value))}</pre>`;
  const rows = Object.entries(value).map(([name, each]) => `<tr><th>${escaped(name)}</th><td>${cell(each)}</td></tr>`);
  return `<table>${rows.join("\n")}</table>`;
}

function cell(value: unknown): string {
  if (Array.isArray(value) && value.some((each) => typeof each === "object")) return tableOf(value);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return tableOf(value);
  if (Array.isArray(value)) return escaped(value.join(", "));
  return escaped(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function hostAndPort(listen: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new ShardgateError("CONFIG_BAD", `admin address is not host:port: ${listen}`);
  return { host: match[1] ?? match[2] ?? "", port };
}
