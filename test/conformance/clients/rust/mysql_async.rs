// mysql_async: pools, prepared statements kept per connection, several results, transactions.

mod check;

use check::{check, client, equal, port, setting, AUTHORS, BOOKS, SAMPLE, SAMPLES};
use futures_util::StreamExt;
use mysql_async::prelude::*;
use mysql_async::{Conn, Error, IsolationLevel, Opts, OptsBuilder, Pool, Row, TxOpts, Value as Cell};
use serde_json::{json, Value};

fn options() -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname(setting("HOST"))
        .tcp_port(port())
        .user(Some(setting("USER")))
        .pass(Some(setting("PASSWORD")))
        .db_name(Some(setting("DATABASE")))
        .prefer_socket(false)
}

fn fails<T>(errno: u16, outcome: Result<T, Error>) -> Result<String, String> {
    match outcome {
        Err(Error::Server(fault)) if fault.code == errno => Ok(fault.state),
        Err(error) => Err(format!("expected error {errno}, got {error}")),
        Ok(_) => Err(format!("expected error {errno}, got an answer")),
    }
}

fn shown(rows: Vec<Row>) -> Value {
    json!(rows
        .into_iter()
        .map(|row| row.unwrap().into_iter().map(|cell| match cell {
            Cell::Bytes(bytes) => String::from_utf8(bytes).unwrap_or_else(|error| format!("{:?}", error.into_bytes())),
            other => format!("{other:?}"),
        }).collect::<Vec<_>>())
        .collect::<Vec<_>>())
}

#[tokio::main]
async fn main() {
    client("mysql_async");
    let pool = Pool::new(options());
    let mut one = match pool.get_conn().await {
        Ok(one) => one,
        Err(error) => {
            check("connect", "login", async { Err(error.to_string().into()) }).await;
            return;
        }
    };
    check("connect", "login", async {
        let two: Option<(String, i64)> = one.query_first("SELECT DATABASE(), 1 + 1").await?;
        equal(two, Some((setting("DATABASE"), 2)))?;
        one.ping().await?;
        Ok(Value::Null)
    }).await;
    check("connect", "wrong password", async {
        fails(1045, Conn::new(options().pass(Some("wrong"))).await)?;
        Ok(Value::Null)
    }).await;
    check("connect", "unknown database", async {
        fails(1049, Conn::new(options().db_name(Some("no_such_database"))).await)?;
        Ok(Value::Null)
    }).await;
    check("connect", "reset and change user", async {
        let mut other = Conn::new(options()).await?;
        other.query_drop("SET @conformance = 1").await?;
        equal(other.reset().await?, true)?;
        let value: Option<Option<i64>> = other.query_first("SELECT @conformance").await?;
        equal(value, Some(None))?;
        other.query_drop("SET @conformance = 1").await?;
        other.change_user(Default::default()).await?;
        let value: Option<Option<i64>> = other.query_first("SELECT @conformance").await?;
        equal(value, Some(None))?;
        other.disconnect().await?;
        Ok(Value::Null)
    }).await;
    check("connect", "compression", async {
        let mut other = Conn::new(options().compression(mysql_async::Compression::fast())).await?;
        let value: Option<String> = other.query_first("SELECT REPEAT('x', 100000)").await?;
        equal(value.map(|text| text.len()), Some(100_000))?;
        other.disconnect().await?;
        Ok(Value::Null)
    }).await;

    check("schema", "create tables", async {
        for sql in ["DROP TABLE IF EXISTS books, authors, samples", AUTHORS, BOOKS, SAMPLES] {
            one.query_drop(sql).await?;
        }
        Ok(Value::Null)
    }).await;
    check("schema", "alter and truncate", async {
        for sql in [
            "ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7",
            "ALTER TABLE authors DROP COLUMN extra",
            "TRUNCATE TABLE samples",
        ] {
            one.query_drop(sql).await?;
        }
        Ok(Value::Null)
    }).await;

    check("crud", "insert gives an id", async {
        one.query_drop("INSERT INTO authors (name, born) VALUES ('Ada', '1815-12-10')").await?;
        equal(one.affected_rows(), 1)?;
        let id = one.last_insert_id();
        equal(id.is_some(), true)?;
        let name: Option<String> = one.exec_first("SELECT name FROM authors WHERE id = ?", (id,)).await?;
        equal(name, Some("Ada".to_string()))?;
        Ok(Value::Null)
    }).await;
    check("crud", "update and delete", async {
        one.query_drop("INSERT INTO authors (id, name) VALUES (501, 'Bob'), (502, 'Cid'), (503, 'Dan')").await?;
        equal(one.affected_rows(), 3)?;
        one.query_drop("UPDATE authors SET score = score + 1 WHERE name LIKE '%d%'").await?;
        equal(one.affected_rows(), 3)?;
        one.query_drop("DELETE FROM authors WHERE name = 'Ada'").await?;
        equal(one.affected_rows(), 1)?;
        Ok(Value::Null)
    }).await;
    check("crud", "every type, text protocol", async {
        one.query_drop(format!("INSERT INTO samples VALUES (1, {SAMPLE})")).await?;
        one.query_drop("INSERT INTO samples (id) VALUES (2)").await?;
        Ok(shown(one.query("SELECT * FROM samples ORDER BY id").await?))
    }).await;

    check("prepared", "batch", async {
        one.exec_batch(
            "INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)",
            (0..30).map(|i| (501 + i % 3, format!("book {i}"), if i % 2 == 0 { Some(i) } else { None })),
        ).await?;
        let counts: Option<(i64, i64)> = one.query_first("SELECT COUNT(*), COUNT(price) FROM books").await?;
        equal(counts, Some((30, 15)))?;
        Ok(Value::Null)
    }).await;
    check("prepared", "one statement many times", async {
        let statement = one.prep("SELECT name FROM authors WHERE id = ?").await?;
        for i in 0..200 {
            let name: Option<String> = one.exec_first(&statement, (501 + i % 3,)).await?;
            equal(name.as_deref(), Some(["Bob", "Cid", "Dan"][i % 3]))?;
        }
        one.close(statement).await?;
        Ok(Value::Null)
    }).await;
    check("prepared", "join and aggregate", async {
        let rows: Vec<(String, i64, String)> = one.exec(
            "SELECT a.name, COUNT(*), SUM(b.price) FROM authors a JOIN books b ON b.author_id = a.id WHERE a.id > ? GROUP BY a.id, a.name ORDER BY a.name",
            (500,),
        ).await?;
        Ok(json!(rows))
    }).await;
    check("prepared", "every type, binary protocol", async {
        let all = shown(one.exec("SELECT * FROM samples WHERE id < ? ORDER BY id", (3,)).await?);
        let by_key = shown(one.exec("SELECT * FROM samples WHERE id = ?", (1,)).await?);
        Ok(json!([all, by_key]))
    }).await;
    check("prepared", "large parameter", async {
        let bytes = vec![0xabu8; 2_000_000];
        one.exec_drop("INSERT INTO samples (id, long_bytes) VALUES (?, ?)", (3, &bytes)).await?;
        let got: Option<Vec<u8>> = one.exec_first("SELECT long_bytes FROM samples WHERE id = ?", (3,)).await?;
        equal(got == Some(bytes), true)?;
        Ok(Value::Null)
    }).await;
    check("prepared", "errors", async {
        fails(1146, one.prep("SELECT * FROM no_such_table WHERE a = ?").await)?;
        fails(1062, one.exec_drop("INSERT INTO authors (id, name) VALUES (?, ?)", (501, "again")).await)?;
        Ok(Value::Null)
    }).await;

    check("transactions", "commit and rollback", async {
        let mut tx = one.start_transaction(TxOpts::default()).await?;
        tx.query_drop("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)").await?;
        tx.commit().await?;
        let mut tx = one.start_transaction(TxOpts::default()).await?;
        tx.query_drop("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)").await?;
        tx.rollback().await?;
        let count: Option<i64> = one.query_first("SELECT COUNT(*) FROM authors WHERE name = 'kept'").await?;
        equal(count, Some(3))?;
        Ok(Value::Null)
    }).await;
    check("transactions", "isolation and read only", async {
        let mut wanted = TxOpts::new();
        wanted.with_readonly(true).with_isolation_level(IsolationLevel::ReadCommitted).with_consistent_snapshot(false);
        let mut tx = one.start_transaction(wanted).await?;
        let refused = tx.query_drop("UPDATE authors SET name = 'no' WHERE id = 501").await;
        tx.rollback().await?;
        fails(1792, refused)?;
        Ok(Value::Null)
    }).await;
    check("metadata", "columns of a result", async {
        let mut seen = Vec::new();
        let text = one.query_iter("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1").await?;
        for column in text.columns_ref() {
            seen.push(format!("{} {} {:?} {} {:?} {}", column.name_str(), column.org_table_str(), column.column_type(), column.column_length(), column.flags(), column.decimals()));
        }
        text.drop_result().await?;
        let statement = one.prep("SELECT s.*, id + ? AS sum FROM samples s WHERE id = ?").await?;
        for column in statement.columns().iter() {
            seen.push(format!("{} {} {:?} {} {:?}", column.name_str(), column.org_table_str(), column.column_type(), column.column_length(), column.flags()));
        }
        seen.push(format!("{} parameters", statement.num_params()));
        one.close(statement).await?;
        Ok(json!(seen))
    }).await;
    check("errors", "numbers and states", async {
        let mut seen = Vec::new();
        for (errno, sql) in [
            (1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"),
            (1064, "SELECT FROM WHERE"),
            (1146, "SELECT * FROM no_such_table"),
            (1054, "SELECT no_such_column FROM authors"),
            (1406, "INSERT INTO authors (id, name) VALUES (999, REPEAT('x', 100))"),
        ] {
            seen.push(fails(errno, one.query_drop(sql).await)?);
        }
        Ok(json!(seen))
    }).await;
    check("session", "several statements", async {
        let mut result = one.query_iter("SELECT 1; SELECT 2").await?;
        let first: Vec<i64> = result.collect().await?;
        let second: Vec<i64> = result.collect().await?;
        drop(result);
        equal((first, second), (vec![1], vec![2]))?;
        Ok(Value::Null)
    }).await;
    check("session", "load local data", async {
        let mut other = Conn::new(OptsBuilder::from_opts(Opts::from(options()))).await?;
        other.set_infile_handler(async {
            Ok(futures_util::stream::iter(["701,a\n", "702,b\n703,c\n"].map(|part| Ok(part.as_bytes().into()))).boxed())
        });
        other.query_drop("LOAD DATA LOCAL INFILE 'rows' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)").await?;
        equal(other.affected_rows(), 3)?;
        other.disconnect().await?;
        Ok(Value::Null)
    }).await;
    check("reconnect", "killed connection", async {
        let mut victim = Conn::new(options()).await?;
        one.query_drop(format!("KILL {}", victim.id())).await?;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        equal(victim.ping().await.is_err(), true)?;
        let mut again = pool.get_conn().await?;
        again.ping().await?;
        Ok(Value::Null)
    }).await;
    drop(one);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), pool.disconnect()).await;
}
