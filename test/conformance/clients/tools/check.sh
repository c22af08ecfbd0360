# What the command lines' scripts of the conformance matrix share: the server to speak to, from the environment, and checks
# that print one JSON line each. Sourced.

set -u
export MYSQL_PWD=$CONFORMANCE_PASSWORD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# An option file of the machine's user must not count.
login=(--no-defaults "--host=$CONFORMANCE_HOST" "--port=$CONFORMANCE_PORT" "--user=$CONFORMANCE_USER" --protocol=tcp)

json() { python3 -c 'import json, sys; sys.stdout.write(json.dumps(sys.stdin.buffer.read().decode("utf-8", "replace")))'; }

client() { printf '{"version": "%s"}\n' "$1"; }

# check GROUP NAME FUNCTION: passes when the function succeeds; what it prints is compared between the servers.
check() {
  local status
  # Not behind && or ||, where -e has no effect.
  (set -e; "$3") >"$work/seen" 2>"$work/error"
  status=$?
  if [ "$status" -eq 0 ]; then
    if [ -s "$work/seen" ]; then
      printf '{"group": "%s", "check": "%s", "ok": true, "seen": %s}\n' "$1" "$2" "$(json <"$work/seen")"
    else
      printf '{"group": "%s", "check": "%s", "ok": true}\n' "$1" "$2"
    fi
  else
    printf '{"group": "%s", "check": "%s", "ok": false, "detail": %s}\n' "$1" "$2" \
      "$(printf 'status %s: %s %s' "$status" "$(tail -c 300 "$work/error")" "$(tail -c 300 "$work/seen")" | json)"
  fi
}

sql() { mariadb "${login[@]}" --default-character-set=utf8mb4 "$@" "$CONFORMANCE_DATABASE"; }

# equal ACTUAL EXPECTED
equal() {
  [ "$1" = "$2" ] || {
    echo "got '$1', expected '$2'" >&2
    return 1
  }
}

AUTHORS="CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))"
BOOKS="CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))"
SAMPLES="CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)"
SAMPLE="-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{\"a\": [1, 2, {\"b\": null}]}', 'large', 'a,c', b'101010101010', TRUE"

# The tables with 40 authors, 120 books and two samples.
fill() {
  {
    echo "DROP TABLE IF EXISTS books, authors, samples; $AUTHORS; $BOOKS; $SAMPLES;"
    for i in $(seq 1 40); do echo "INSERT INTO authors (id, name, born, created) VALUES ($i, 'author $i', '1900-01-01', '2026-01-02 03:04:05.000006');"; done
    for i in $(seq 1 120); do echo "INSERT INTO books (id, author_id, title, price) VALUES ($i, $((1 + i % 40)), 'it''s \"book\" $i', $i.25);"; done
    echo "INSERT INTO samples (id, tiny, small, medium, whole, big, exact, single, twice, day, clock, moment, stamp, year, letters, text, long_text, bytes, long_bytes, document, choice, choices, bits, flag) VALUES (1, $SAMPLE); INSERT INTO samples (id) VALUES (2);"
  } | sql
}

# A line of counts and sums that tells the tables' rows.
contents() {
  sql -N --binary-as-hex -e "SELECT COUNT(*), SUM(id), SUM(CRC32(name)), SUM(CRC32(created)) FROM authors;
    SELECT COUNT(*), SUM(id), SUM(author_id), SUM(CRC32(title)), SUM(price) FROM books;
    SELECT * FROM samples ORDER BY id"
}
