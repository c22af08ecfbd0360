import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readClientTls } from "../../../../src/gateway/client/client-tls.ts";

const folder = mkdtempSync(join(tmpdir(), "sg-tls-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("files that are just being written are no good, rather than a certificate that nobody can use", () => {
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(certFile, "");
  writeFileSync(keyFile, "");
  expect(() => readClientTls({ certFile, keyFile })).toThrow(expect.objectContaining({ id: "CONFIG_BAD" }));
  rmSync(keyFile);
  expect(() => readClientTls({ certFile, keyFile })).toThrow("cannot read");
});
