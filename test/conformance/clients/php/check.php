<?php
// What both PHP scripts of the conformance matrix share: the server to speak to, from the environment, and checks that print
// one JSON line each.

define('HOST', getenv('CONFORMANCE_HOST'));
define('PORT', (int) getenv('CONFORMANCE_PORT'));
define('USER', getenv('CONFORMANCE_USER'));
define('PASSWORD', getenv('CONFORMANCE_PASSWORD'));
define('DATABASE', getenv('CONFORMANCE_DATABASE'));

const AUTHORS = 'CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))';
const BOOKS = 'CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))';
const SAMPLES = "CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)";
const SAMPLE = "-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{\"a\": [1, 2, {\"b\": null}]}', 'large', 'a,c', b'101010101010', TRUE";

function out(array $line): void
{
    fwrite(STDOUT, json_encode($line, JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}

/** Runs a check; what the body returns is compared between the servers. */
function check(string $group, string $name, callable $body): void
{
    try {
        $seen = $body();
        out(['group' => $group, 'check' => $name, 'ok' => true] + ($seen === null ? [] : ['seen' => $seen]));
    } catch (Throwable $error) {
        out(['group' => $group, 'check' => $name, 'ok' => false, 'detail' => $error->getMessage()]);
    }
}

function equal(mixed $actual, mixed $expected): void
{
    if ($actual !== $expected) {
        throw new Exception('got ' . json_encode($actual) . ', expected ' . json_encode($expected));
    }
}

function fails(int $errno, callable $body): Throwable
{
    try {
        $body();
    } catch (Throwable $error) {
        $found = $error instanceof PDOException ? ($error->errorInfo[1] ?? $error->getCode()) : $error->getCode();
        if ($found !== $errno) {
            throw new Exception("expected error $errno, got $found: {$error->getMessage()}");
        }
        return $error;
    }
    throw new Exception("expected error $errno, got an answer");
}

/** Bytes that are no text go as hexadecimal digits. */
function shown(mixed $value): mixed
{
    if (is_array($value)) {
        return array_map('shown', $value);
    }
    return is_string($value) && !mb_check_like_utf8($value) ? bin2hex($value) : $value;
}

function mb_check_like_utf8(string $text): bool
{
    return preg_match('//u', $text) === 1;
}
