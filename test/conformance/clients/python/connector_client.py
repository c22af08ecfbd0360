# mysql-connector-python, its pure Python protocol: text and prepared cursors.

import mysql.connector

import dbapi
from check import DATABASE, HOST, PASSWORD, PORT, USER, check, client, equal, fails, text

client("mysql-connector-python")


def open(password=PASSWORD, database=DATABASE, autocommit=False, local=False):
    return mysql.connector.connect(host=HOST, port=PORT, user=USER, password=password, database=database,
                                   autocommit=autocommit, allow_local_infile=local, use_pure=True,
                                   charset="utf8mb4", collation="utf8mb4_general_ci")


def multi(sql):
    connection = open(autocommit=True)
    cursor = connection.cursor()
    cursor.execute(sql)
    results = [list(cursor.fetchall())]
    while cursor.nextset():
        results.append(list(cursor.fetchall()) if cursor.description else [])
    connection.close()
    return results


dbapi.run(mysql.connector, open, lambda one: one.ping(), lambda victim: victim.connection_id, multi,
          lambda other: other.cmd_change_user(USER, PASSWORD, DATABASE))


@check("prepared", "prepared cursor")
def _():
    connection = open(autocommit=True)
    cursor = connection.cursor(prepared=True)
    for id in (501, 502, 503):
        cursor.execute("SELECT id, name, score FROM authors WHERE id = %s", (id,))
        equal([row[0] for row in cursor.fetchall()], [id])
    cursor.execute("INSERT INTO books (author_id, title, price) VALUES (%s, %s, %s)", (501, "prepared", None))
    equal((cursor.rowcount, cursor.lastrowid > 0), (1, True))
    connection.close()


@check("prepared", "every type, binary protocol")
def _():
    connection = open()
    cursor = connection.cursor(prepared=True)
    # Not YEAR, which the connector misreads, whatever the server.
    columns = ("id, tiny, small, medium, whole, big, exact, single, twice, day, clock, moment, stamp, letters, text, "
               "long_text, bytes, long_bytes, document, choice, choices, bits, flag")
    cursor.execute(f"SELECT {columns} FROM samples WHERE id < %s ORDER BY id", (3,))
    rows = cursor.fetchall()
    connection.close()
    return [[text(value) for value in row] for row in rows]


@check("prepared", "errors")
def _():
    connection = open()
    cursor = connection.cursor(prepared=True)
    fails(1146, lambda: cursor.execute("SELECT * FROM no_such_table WHERE a = %s", (1,)))
    connection.close()


@check("connect", "reset the session")
def _():
    connection = open()
    cursor = connection.cursor()
    cursor.execute("SET @conformance = 1")
    connection.reset_session()
    cursor = connection.cursor()
    cursor.execute("SELECT @conformance")
    equal(cursor.fetchall(), [(None,)])
    connection.close()


@check("reconnect", "reconnects by itself")
def _():
    connection, other = open(autocommit=True), open(autocommit=True)
    other.cursor().execute(f"KILL {connection.connection_id}")
    connection.reconnect(attempts=3, delay=0)
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    equal(cursor.fetchall(), [(1,)])
