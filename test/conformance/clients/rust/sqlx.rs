// sqlx: every query with arguments is a server-side prepared statement, kept per connection.

mod check;

use check::{check, client, equal, port, setting, AUTHORS, BOOKS, SAMPLE, SAMPLES};
use futures_util::TryStreamExt;
use serde_json::{json, Value};
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions, MySqlSslMode};
use sqlx::{Column, ConnectOptions, Connection, Executor, Row, Statement, TypeInfo, ValueRef};

fn options() -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host(&setting("HOST"))
        .port(port())
        .username(&setting("USER"))
        .password(&setting("PASSWORD"))
        .database(&setting("DATABASE"))
        .ssl_mode(MySqlSslMode::Disabled)
}

fn fails<T>(errno: u16, outcome: Result<T, sqlx::Error>) -> Result<String, String> {
    match outcome {
        Err(sqlx::Error::Database(fault)) => {
            let fault = fault.downcast_ref::<MySqlDatabaseError>();
            if fault.number() == errno {
                Ok(fault.code().unwrap_or("").to_string())
            } else {
                Err(format!("expected error {errno}, got {}: {fault}", fault.number()))
            }
        }
        Err(error) => Err(format!("expected error {errno}, got {error}")),
        Ok(_) => Err(format!("expected error {errno}, got an answer")),
    }
}

const COLUMNS: &str = "id, tiny, small, medium, whole, big, exact, single, twice, day, clock, moment, stamp, year, letters, \
  text, long_text, bytes, long_bytes, document, choice, choices, bits, flag";

/// Types and raw bytes of every value.
fn shown(rows: &[sqlx::mysql::MySqlRow]) -> Value {
    json!(rows
        .iter()
        .map(|row| {
            row.columns()
                .iter()
                .map(|column| {
                    let value = row.try_get_raw(column.ordinal()).unwrap();
                    let null = value.is_null();
                    let bytes = if null { String::new() } else { format!("{:?}", <&[u8] as sqlx::Decode<sqlx::MySql>>::decode(value)) };
                    format!("{} {} {null} {bytes}", column.name(), column.type_info().name())
                })
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>())
}

#[tokio::main]
async fn main() {
    client("sqlx");
    let pool = match MySqlPoolOptions::new().max_connections(3).connect_with(options()).await {
        Ok(pool) => pool,
        Err(error) => {
            check("connect", "login", async { Err(error.to_string().into()) }).await;
            return;
        }
    };
    let pool = &pool;
    check("connect", "login", async {
        let (name, two): (String, i64) = sqlx::query_as("SELECT DATABASE(), 1 + 1").fetch_one(pool).await?;
        equal((name, two), (setting("DATABASE"), 2))?;
        let mut one = options().connect().await?;
        one.ping().await?;
        one.close().await?;
        Ok(Value::Null)
    }).await;
    check("connect", "wrong password", async {
        fails(1045, options().password("wrong").connect().await)?;
        Ok(Value::Null)
    }).await;
    check("connect", "unknown database", async {
        fails(1049, options().database("no_such_database").connect().await)?;
        Ok(Value::Null)
    }).await;
    check("schema", "create tables", async {
        for sql in ["DROP TABLE IF EXISTS books, authors, samples", AUTHORS, BOOKS, SAMPLES] {
            pool.execute(sql).await?;
        }
        Ok(Value::Null)
    }).await;
    check("schema", "prepared definitions", async {
        for sql in ["ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7", "ALTER TABLE authors DROP COLUMN extra"] {
            sqlx::query(sql).execute(pool).await?;
        }
        Ok(Value::Null)
    }).await;
    check("crud", "text protocol", async {
        let inserted = pool.execute("INSERT INTO authors (id, name) VALUES (501, 'Bob'), (502, 'Cid'), (503, 'Dan')").await?;
        equal(inserted.rows_affected(), 3)?;
        let rows = pool.fetch_all("SELECT name FROM authors ORDER BY id DESC").await?;
        equal(rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>(), vec!["Dan".into(), "Cid".into(), "Bob".to_string()])?;
        Ok(Value::Null)
    }).await;
    check("crud", "every type, text protocol", async {
        pool.execute(sqlx::AssertSqlSafe(format!("INSERT INTO samples VALUES (1, {SAMPLE})"))).await?;
        pool.execute("INSERT INTO samples (id) VALUES (2)").await?;
        Ok(shown(&pool.fetch_all(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM samples ORDER BY id"))).await?))
    }).await;
    check("crud", "rows one after the other", async {
        let mut rows = pool.fetch("SELECT a.id FROM authors a JOIN authors b JOIN authors c");
        let mut count = 0;
        while rows.try_next().await?.is_some() {
            count += 1;
        }
        equal(count, 27)?;
        Ok(Value::Null)
    }).await;
    check("prepared", "insert, update, delete", async {
        let inserted = sqlx::query("INSERT INTO authors (name, score) VALUES (?, ?)").bind("Ada").bind(1.25f64).execute(pool).await?;
        let id = inserted.last_insert_id();
        equal(id > 0, true)?;
        for i in 0..30i64 {
            sqlx::query("INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)")
                .bind(501 + i % 3)
                .bind(format!("book {i}"))
                .bind(if i % 2 == 0 { Some(i) } else { None })
                .execute(pool)
                .await?;
        }
        let updated = sqlx::query("UPDATE books SET price = price + ? WHERE price > ?").bind(1).bind(10).execute(pool).await?;
        equal(updated.rows_affected(), 9)?;
        let deleted = sqlx::query("DELETE FROM authors WHERE id = ?").bind(id).execute(pool).await?;
        equal(deleted.rows_affected(), 1)?;
        Ok(Value::Null)
    }).await;
    check("prepared", "join and aggregate", async {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT a.name, COUNT(*) FROM authors a JOIN books b ON b.author_id = a.id WHERE a.id > ? GROUP BY a.id, a.name ORDER BY a.name LIMIT ?",
        ).bind(500).bind(2).fetch_all(pool).await?;
        equal(rows, vec![("Bob".to_string(), 10), ("Cid".to_string(), 10)])?;
        Ok(Value::Null)
    }).await;
    check("prepared", "every type, binary protocol", async {
        let all = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM samples WHERE id < ? ORDER BY id"))).bind(3).fetch_all(pool).await?;
        let by_key = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM samples WHERE id = ?"))).bind(1).fetch_all(pool).await?;
        Ok(json!([shown(&all), shown(&by_key)]))
    }).await;
    check("prepared", "many different statements", async {
        for i in 0..250 {
            let n: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {i} + COUNT(*) FROM authors WHERE id = ?"))).bind(501).fetch_one(pool).await?;
            equal(n, i + 1)?;
        }
        Ok(Value::Null)
    }).await;
    check("prepared", "errors", async {
        fails(1146, sqlx::query("SELECT * FROM no_such_table WHERE a = ?").bind(1).fetch_all(pool).await)?;
        fails(1062, sqlx::query("INSERT INTO authors (id, name) VALUES (?, ?)").bind(501).bind("again").execute(pool).await)?;
        Ok(Value::Null)
    }).await;
    check("transactions", "commit, rollback, nested", async {
        let mut tx = pool.begin().await?;
        tx.execute("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)").await?;
        let mut inner = tx.begin().await?;
        inner.execute("UPDATE authors SET name = 'lost' WHERE id IN (502, 503)").await?;
        inner.rollback().await?;
        tx.commit().await?;
        let mut tx = pool.begin().await?;
        tx.execute("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)").await?;
        drop(tx);
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM authors WHERE name = 'kept'").fetch_one(pool).await?;
        equal(count, 3)?;
        Ok(Value::Null)
    }).await;
    check("metadata", "columns of a prepared statement", async {
        let mut one = options().connect().await?;
        let statement = (&mut one).prepare(sqlx::SqlStr::from_static("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?")).await?;
        let seen: Vec<String> = statement.columns().iter().map(|column| format!("{} {}", column.name(), column.type_info().name())).collect();
        equal(statement.parameters().map(|parameters| parameters.right()), Some(Some(1)))?;
        Ok(json!(seen))
    }).await;
    check("errors", "numbers and states", async {
        let mut seen = Vec::new();
        for (errno, sql) in [
            (1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"),
            (1064, "SELECT FROM WHERE"),
            (1146, "SELECT * FROM no_such_table"),
            (1054, "SELECT no_such_column FROM authors"),
        ] {
            seen.push(fails(errno, pool.execute(sql).await)?);
        }
        Ok(json!(seen))
    }).await;
    check("session", "several statements", async {
        let rows = sqlx::raw_sql("SELECT 1 AS a; SELECT 2 AS a; SELECT 3 AS a").fetch_all(pool).await?;
        equal(rows.iter().map(|row| row.get::<i64, _>(0)).collect::<Vec<_>>(), vec![1, 2, 3])?;
        Ok(Value::Null)
    }).await;
    check("reconnect", "killed connection", async {
        let mut one = pool.acquire().await?;
        let id: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut *one).await.or_else(|error| Err::<u64, _>(error))?;
        let mut other = options().connect().await?;
        other.execute(sqlx::AssertSqlSafe(format!("KILL {id}"))).await?;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        equal(one.ping().await.is_err(), true)?;
        drop(one);
        for _ in 0..5 {
            pool.execute("SELECT 1").await?;
        }
        Ok(Value::Null)
    }).await;
}
