// Password plugins against known vectors, and against each other's client side.

import { constants, publicEncrypt } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  cachingSha2Answer,
  fastDigest,
  generateRsaKeys,
  passwordEncrypted,
  passwordInClear,
  verifyFast,
} from "../../../src/mysql/auth/caching-sha2.ts";
import { nativeAnswer, nativeHash, verifyNative } from "../../../src/mysql/auth/native-password.ts";
import { formatShaCrypt, parseShaCrypt, shaCrypt, verifyShaCrypt } from "../../../src/mysql/auth/sha-crypt.ts";

const SCRAMBLE = Buffer.from("0123456789abcdefghij");

describe("mysql_native_password", () => {
  test("the stored form is that of PASSWORD()", () => {
    // SELECT PASSWORD('password')
    expect(nativeHash("password").toString("hex").toUpperCase()).toBe("2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
  });

  test("right and wrong answers", () => {
    const hash = nativeHash("päss");
    expect(verifyNative(nativeAnswer("päss", SCRAMBLE), SCRAMBLE, hash)).toBe(true);
    expect(verifyNative(nativeAnswer("pass", SCRAMBLE), SCRAMBLE, hash)).toBe(false);
    expect(verifyNative(nativeAnswer("päss", SCRAMBLE), Buffer.alloc(20, 1), hash)).toBe(false);
    expect(verifyNative(Buffer.alloc(0), SCRAMBLE, hash)).toBe(false);
    expect(verifyNative(Buffer.alloc(21), SCRAMBLE, hash)).toBe(false);
  });
});

describe("SHA-crypt", () => {
  // `openssl passwd -5` computes the same hash; its salts have at most 16 characters, MySQL's have 20.
  test.each([
    ["Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"],
    ["Hello world!", "saltstringsaltst", 10_000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"],
    ["This is just a test", "toolongsaltstrin", 5000, "Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5"],
    ["x".repeat(100), "ab", 5000, "svYVzYiHQ00pqjxflzlcIykQiiQG2N6nGb5MGoCzhM1"],
  ])("%s with %s", async (password, salt, rounds, expected) => {
    const hash = await shaCrypt(Buffer.from(password), Buffer.from(salt), rounds);
    expect(formatShaCrypt(hash).slice(7 + salt.length)).toBe(expected);
  });

  // HEX(authentication_string) of users made by a MySQL 8 server.
  test.each([
    [
      "foobar",
      "24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A424679354856336868686F52485A736E4A733368786E427575516C73446469496537",
    ],
    [
      "testpassword123",
      "24412430303524393D02673221785B414A4E5F02073711301659116B446B76753345617A4D7530635548526D3678746F6B75564835553334346932572E332F704C4856477131",
    ],
  ])("a hash made by MySQL: %s", async (password, hex) => {
    const hash = parseShaCrypt(`0x${hex}`);
    expect(hash !== undefined && (await verifyShaCrypt(Buffer.from(password), hash))).toBe(true);
    expect(hash !== undefined && (await verifyShaCrypt(Buffer.from("wrong"), hash))).toBe(false);
  });

  test("the stored form goes both ways, also in MySQL's hexadecimal", async () => {
    const hash = await shaCrypt(Buffer.from("secret"), Buffer.from("abcdefghijklmnopqrst"));
    const text = formatShaCrypt(hash);
    expect(text).toMatch(/^\$A\$005\$abcdefghijklmnopqrst[./0-9A-Za-z]{43}$/);
    expect(parseShaCrypt(text)).toEqual(hash);
    expect(parseShaCrypt(`0x${Buffer.from(text).toString("hex").toUpperCase()}`)).toEqual(hash);
    expect(await verifyShaCrypt(Buffer.from("secret"), hash)).toBe(true);
    expect(await verifyShaCrypt(Buffer.from("Secret"), hash)).toBe(false);
    for (const bad of [
      "",
      text.slice(1),
      text.slice(0, -1),
      `${text}x`,
      text.replace("$A$005", "$A$FFF"),
      `${text.slice(0, -1)}!`,
    ]) {
      expect(parseShaCrypt(bad)).toBeUndefined();
    }
  });
});

describe("caching_sha2_password", () => {
  test("fast path", () => {
    const digest = fastDigest(Buffer.from("secret"));
    expect(verifyFast(cachingSha2Answer("secret", SCRAMBLE), SCRAMBLE, digest)).toBe(true);
    expect(verifyFast(cachingSha2Answer("secrets", SCRAMBLE), SCRAMBLE, digest)).toBe(false);
    expect(verifyFast(Buffer.alloc(31), SCRAMBLE, digest)).toBe(false);
  });

  test("password in clear and encrypted", async () => {
    const { publicKeyPem, privateKeyPem } = await generateRsaKeys();
    expect(passwordInClear(Buffer.from("secret\0"))?.toString()).toBe("secret");
    expect(passwordInClear(Buffer.from("secret"))).toBeUndefined();
    expect(passwordInClear(Buffer.alloc(300))).toBeUndefined();
    const mixed = Buffer.from("a password longer than the scramble\0");
    for (let i = 0; i < mixed.length; i++) mixed[i] = (mixed[i] ?? 0) ^ (SCRAMBLE[i % 20] ?? 0);
    const encrypted = publicEncrypt({ key: publicKeyPem, padding: constants.RSA_PKCS1_OAEP_PADDING }, mixed);
    expect(passwordEncrypted(encrypted, SCRAMBLE, privateKeyPem)?.toString()).toBe(
      "a password longer than the scramble",
    );
    expect(passwordEncrypted(encrypted.subarray(1), SCRAMBLE, privateKeyPem)).toBeUndefined();
    expect(passwordEncrypted(Buffer.alloc(256, 9), SCRAMBLE, privateKeyPem)).toBeUndefined();
  });
});
