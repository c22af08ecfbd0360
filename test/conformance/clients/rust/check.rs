// What both Rust programs of the conformance matrix share: the server to speak to, from the environment, and checks that
// print one JSON line each. Included by path.

use serde_json::{json, Value};
use std::future::Future;

pub type Outcome = Result<Value, Box<dyn std::error::Error + Send + Sync>>;

pub const AUTHORS: &str = "CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))";

pub const BOOKS: &str = "CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))";

pub const SAMPLES: &str = "CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)";

pub const SAMPLE: &str = "-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{\"a\": [1, 2, {\"b\": null}]}', 'large', 'a,c', b'101010101010', TRUE";

pub fn setting(name: &str) -> String {
    std::env::var(format!("CONFORMANCE_{name}")).unwrap_or_default()
}

pub fn port() -> u16 {
    setting("PORT").parse().unwrap_or(0)
}

/// Says which version of the crate runs, as Cargo.lock has it.
pub fn client(package: &str) {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let version = lock
        .split("[[package]]")
        .find(|part| part.contains(&format!("name = \"{package}\"\n")))
        .and_then(|part| part.split("version = \"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("");
    println!("{}", json!({ "version": version }));
}

/// Runs a check; what it gives, if not null, is compared between the servers.
pub async fn check(group: &str, name: &str, body: impl Future<Output = Outcome>) {
    let line = match body.await {
        Ok(Value::Null) => json!({ "group": group, "check": name, "ok": true }),
        Ok(seen) => json!({ "group": group, "check": name, "ok": true, "seen": seen }),
        Err(error) => json!({ "group": group, "check": name, "ok": false, "detail": error.to_string() }),
    };
    println!("{line}");
}

pub fn equal<T: PartialEq + std::fmt::Debug>(actual: T, expected: T) -> Result<(), String> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("got {actual:?}, expected {expected:?}"))
    }
}
