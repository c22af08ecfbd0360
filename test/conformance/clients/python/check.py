# What every Python script of the conformance matrix shares: the server to speak to, from the environment, and checks that
# print one JSON line each.

import importlib.metadata
import json
import os
import traceback

HOST = os.environ["CONFORMANCE_HOST"]
PORT = int(os.environ["CONFORMANCE_PORT"])
USER = os.environ["CONFORMANCE_USER"]
PASSWORD = os.environ["CONFORMANCE_PASSWORD"]
DATABASE = os.environ["CONFORMANCE_DATABASE"]

AUTHORS = """CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))"""

BOOKS = """CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))"""

SAMPLES = """CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)"""

SAMPLE = """-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{"a": [1, 2, {"b": null}]}', 'large', 'a,c', b'101010101010', TRUE"""


def client(package):
    print(json.dumps({"version": importlib.metadata.version(package)}), flush=True)


def check(group, name):
    """Runs the decorated function as a check; what it returns is compared between the servers."""

    def run(body):
        line = {"group": group, "check": name, "ok": True}
        try:
            seen = body()
            if seen is not None:
                line["seen"] = seen
        except Exception as error:  # noqa: BLE001
            line["ok"] = False
            line["detail"] = str(error) or traceback.format_exc().strip().splitlines()[-1]
        print(json.dumps(line, default=shown), flush=True)

    return run


def shown(value):
    return value.hex() if isinstance(value, (bytes, bytearray)) else repr(value)


def text(value):
    """For comparing: a set has no order of its own."""
    return repr(sorted(value)) if isinstance(value, (set, frozenset)) else repr(value)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"got {actual!r}, expected {expected!r}"[:400])


def errno_of(error):
    while error is not None:
        number = getattr(error, "errno", None)
        if isinstance(number, int):
            return number
        if error.args and isinstance(error.args[0], int):
            return error.args[0]
        error = getattr(error, "orig", None) or error.__cause__
    return None


def fails(errno, body):
    try:
        outcome = body()
    except Exception as error:  # noqa: BLE001
        if errno_of(error) != errno:
            raise AssertionError(f"expected error {errno}, got {error!r}") from error
        return error
    raise AssertionError(f"expected error {errno}, got {outcome!r}")
