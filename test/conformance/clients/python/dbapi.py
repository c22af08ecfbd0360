# The checks of the three DB-API drivers. `driver` is the module, `open(**more)` a login; what they do differently comes in
# by their scripts.

import os
import tempfile
import time

from check import AUTHORS, BOOKS, DATABASE, SAMPLE, SAMPLES, check, equal, fails, text


def run(driver, open, ping, kill_id, multi, change_user=None):
    state = {}

    def query(sql, args=None, connection=None):
        cursor = (connection or state["one"]).cursor()
        cursor.execute(sql, args)
        rows = list(cursor.fetchall()) if cursor.description else []
        state["count"], state["id"], state["description"] = cursor.rowcount, cursor.lastrowid, cursor.description
        cursor.close()
        return rows

    @check("connect", "login")
    def _():
        state["one"] = open(autocommit=True)
        equal(query("SELECT DATABASE(), 1 + 1"), [(DATABASE, 2)])

    one = state.get("one")

    check("connect", "wrong password")(lambda: fails(1045, lambda: open(password="wrong")) and None)
    check("connect", "unknown database")(lambda: fails(1049, lambda: open(database="no_such_database")) and None)
    check("connect", "ping")(lambda: ping(one))

    @check("connect", "characters")
    def _():
        equal(query("SELECT %s, HEX(%s)", ("žluťoučký 😀", "😀")), [("žluťoučký 😀", "F09F9880")])

    if change_user is not None:
        @check("connect", "change user")
        def _():
            other = open()
            query("SET @conformance = 1", connection=other)
            change_user(other)
            equal(query("SELECT @conformance, DATABASE()", connection=other), [(None, DATABASE)])
            other.close()

    @check("schema", "create tables")
    def _():
        for sql in ["DROP TABLE IF EXISTS books, authors, samples", AUTHORS, BOOKS, SAMPLES]:
            query(sql)

    @check("schema", "alter, index, truncate")
    def _():
        query("ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7")
        query("CREATE INDEX extra ON authors (extra)")
        query("INSERT INTO authors (id, name) VALUES (900, 'extra')")
        equal(query("SELECT extra FROM authors"), [(7,)])
        query("ALTER TABLE authors DROP COLUMN extra")
        query("DELETE FROM authors WHERE id = 900")
        query("TRUNCATE TABLE samples")

    @check("schema", "create and drop a database")
    def _():
        query("DROP DATABASE IF EXISTS conformance_new")
        query("CREATE DATABASE conformance_new")
        query("CREATE TABLE conformance_new.t (a INT PRIMARY KEY)")
        query("INSERT INTO conformance_new.t VALUES (1), (2)")
        equal(query("SELECT COUNT(*) FROM conformance_new.t"), [(2,)])
        query("DROP DATABASE conformance_new")

    @check("crud", "insert gives an id")
    def _():
        query("INSERT INTO authors (name, born) VALUES (%s, %s)", ("Ada", "1815-12-10"))
        equal((state["count"], state["id"] > 0), (1, True))
        equal(query("SELECT name, id = LAST_INSERT_ID() FROM authors WHERE id = %s", (state["id"],)), [("Ada", 1)])

    @check("crud", "insert many rows")
    def _():
        cursor = one.cursor()
        cursor.executemany(
            "INSERT INTO authors (id, name, email) VALUES (%s, %s, %s)",
            [(501, "Bob", "bob@x"), (502, "Cid", None), (503, "Dan", "dan@x")],
        )
        equal(cursor.rowcount, 3)
        cursor.executemany(
            "INSERT INTO books (author_id, title, price) VALUES (%s, %s, %s)",
            [(501 + i % 3, f"book {i}", None if i % 2 else i) for i in range(30)],
        )
        equal(cursor.rowcount, 30)
        cursor.close()
        equal(query("SELECT COUNT(*), COUNT(price), SUM(price) IS NULL FROM books"), [(30, 15, 0)])

    @check("crud", "join and aggregate")
    def _():
        rows = query(
            "SELECT a.name, COUNT(b.id), SUM(b.price) FROM authors a LEFT JOIN books b ON b.author_id = a.id "
            "WHERE a.id > %s AND a.id < %s GROUP BY a.id, a.name ORDER BY a.name LIMIT 5",
            (500, 504),
        )
        equal([(name, count, str(total)) for name, count, total in rows],
              [("Bob", 10, "60.00"), ("Cid", 10, "80.00"), ("Dan", 10, "70.00")])

    @check("crud", "update")
    def _():
        query("UPDATE authors SET score = score + 1.25 WHERE id = %s", (501,))
        equal(state["count"], 1)
        query("UPDATE books SET price = price + 1 WHERE price IS NOT NULL")
        equal(state["count"], 15)

    @check("crud", "insert or update")
    def _():
        query("INSERT INTO authors (id, name) VALUES (501, 'Bobby') ON DUPLICATE KEY UPDATE name = VALUES(name)")
        equal(query("SELECT name FROM authors WHERE id = 501"), [("Bobby",)])
        query("REPLACE INTO authors (id, name) VALUES (511, 'new')")
        equal(state["count"], 1)

    @check("crud", "delete")
    def _():
        query("DELETE FROM books WHERE author_id = %s", (501,))
        equal(state["count"], 10)
        query("DELETE FROM books WHERE price > %s", (20,))
        equal(state["count"], 4)

    @check("crud", "every type")
    def _():
        query(f"INSERT INTO samples VALUES (1, {SAMPLE})")
        query("INSERT INTO samples (id) VALUES (2)")
        rows = query("SELECT * FROM samples ORDER BY id")
        equal(len(rows), 2)
        return [[text(value) for value in row] for row in rows]

    @check("crud", "bytes")
    def _():
        value = bytes(range(256)) * 4000
        query("INSERT INTO samples (id, long_bytes) VALUES (%s, %s)", (3, value))
        equal(query("SELECT long_bytes FROM samples WHERE id = 3")[0][0] == value, True)

    @check("transactions", "commit and rollback")
    def _():
        two = open()
        query("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)", connection=two)
        equal(query("SELECT COUNT(*) FROM authors WHERE name = 'kept'"), [(0,)])
        two.commit()
        equal(query("SELECT COUNT(*) FROM authors WHERE name = 'kept'"), [(3,)])
        query("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)", connection=two)
        two.rollback()
        two.close()
        equal(query("SELECT COUNT(*) FROM authors WHERE name = 'kept'"), [(3,)])

    @check("transactions", "savepoints")
    def _():
        two = open()
        query("UPDATE authors SET name = 'a' WHERE id = 501", connection=two)
        query("SAVEPOINT sp", connection=two)
        query("UPDATE authors SET name = 'b' WHERE id IN (502, 503)", connection=two)
        query("ROLLBACK TO SAVEPOINT sp", connection=two)
        two.commit()
        two.close()
        equal(query("SELECT name FROM authors WHERE id IN (501, 502, 503) ORDER BY id"), [("a",), ("kept",), ("kept",)])

    @check("transactions", "closing rolls back")
    def _():
        two = open()
        query("UPDATE authors SET name = 'gone' WHERE id IN (501, 502)", connection=two)
        two.close()
        equal(query("SELECT COUNT(*) FROM authors WHERE name = 'gone'"), [(0,)])
        query("UPDATE authors SET name = 'a' WHERE id IN (501, 502)")

    @check("transactions", "deadlock or lock wait is told")
    def _():
        two = open()
        query("SET innodb_lock_wait_timeout = 1")
        query("SELECT * FROM authors WHERE id = 501 FOR UPDATE", connection=two)
        fails(1205, lambda: query("UPDATE authors SET name = 'x' WHERE id = 501"))
        two.rollback()
        two.close()

    @check("prepared", "text statements")
    def _():
        query("PREPARE s FROM 'SELECT name FROM authors WHERE id = ? ORDER BY id'")
        query("SET @id = 503")
        equal(query("EXECUTE s USING @id"), [("kept",)])
        query("DEALLOCATE PREPARE s")

    @check("metadata", "description")
    def _():
        query("SELECT s.*, id + 1 AS sum, COUNT(*) AS n FROM samples s WHERE id = 1 GROUP BY id")
        return [[repr(part) for part in column] for column in state["description"]]

    @check("metadata", "information_schema")
    def _():
        return query(
            "SELECT TABLE_NAME, COLUMN_NAME, CAST(COLUMN_TYPE AS CHAR), COLUMN_KEY, EXTRA FROM information_schema.COLUMNS "
            "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('authors', 'books') ORDER BY 1, ORDINAL_POSITION"
        )

    @check("errors", "numbers and classes")
    def _():
        seen = []
        for errno, sql in [
            (1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"),
            (1064, "SELECT FROM WHERE"),
            (1146, "SELECT * FROM no_such_table"),
            (1054, "SELECT no_such_column FROM authors"),
            (1048, "INSERT INTO authors (id, name) VALUES (999, NULL)"),
            (1406, "INSERT INTO authors (id, name) VALUES (999, REPEAT('x', 100))"),
            (1264, "INSERT INTO samples (id, tiny) VALUES (999, 1000)"),
            (1452, "INSERT INTO books (id, author_id, title) VALUES (999999, 987654, 'x')"),
        ]:
            seen.append([errno, type(fails(errno, lambda sql=sql: query(sql))).__name__])
        return seen

    @check("session", "variables")
    def _():
        query("SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT', time_zone = '+05:00'")
        rows = query("""SELECT "name" || '!', @@sql_mode, @@time_zone FROM authors WHERE "id" = 503""")
        query("SET SESSION sql_mode = DEFAULT, time_zone = DEFAULT")
        equal(rows, [("kept!", "PIPES_AS_CONCAT,ANSI_QUOTES", "+05:00")])

    @check("session", "several results")
    def _():
        equal(multi("SELECT 1; UPDATE authors SET name = 'm' WHERE id = 503; SELECT name FROM authors WHERE id = 503"),
              [[(1,)], [], [("m",)]])

    @check("session", "temporary tables")
    def _():
        two = open(autocommit=True)
        query("CREATE TEMPORARY TABLE scratch (a INT PRIMARY KEY, b VARCHAR(10))", connection=two)
        query("INSERT INTO scratch VALUES (1, 'one'), (2, 'two')", connection=two)
        equal(query("SELECT b FROM scratch ORDER BY a DESC", connection=two), [("two",), ("one",)])
        fails(1146, lambda: query("SELECT * FROM scratch"))
        two.close()

    @check("session", "load local data")
    def _():
        with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
            file.write("701,load one\n702,load two\n703,load three\n")
        local = open(autocommit=True, local=True)
        query(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)",
              connection=local)
        equal(state["count"], 3)
        local.close()
        os.unlink(file.name)

    @check("reconnect", "killed connection")
    def _():
        victim = open(autocommit=True)
        query(f"KILL {kill_id(victim)}")
        time.sleep(0.2)
        try:
            query("SELECT 1", connection=victim)
        except driver.Error:
            again = open()
            equal(query("SELECT 1", connection=again), [(1,)])
            again.close()
            return
        raise AssertionError("the killed connection still answers")
