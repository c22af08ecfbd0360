# PyMySQL: pure Python, text protocol.

import pymysql
import pymysql.constants.CLIENT as CLIENT

import dbapi
from check import DATABASE, HOST, PASSWORD, PORT, USER, check, client, equal

client("PyMySQL")


def open(password=PASSWORD, database=DATABASE, autocommit=False, local=False, flags=0, cursor=pymysql.cursors.Cursor):
    return pymysql.connect(host=HOST, port=PORT, user=USER, password=password, database=database, autocommit=autocommit,
                           local_infile=local, client_flag=flags, cursorclass=cursor)


def multi(sql):
    connection = open(autocommit=True, flags=CLIENT.MULTI_STATEMENTS)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        results = [list(cursor.fetchall())]
        while cursor.nextset():
            results.append(list(cursor.fetchall()))
    connection.close()
    return results


dbapi.run(pymysql, open, lambda one: one.ping(reconnect=False), lambda victim: victim.thread_id(), multi)


@check("crud", "unbuffered and dictionary cursors")
def _():
    connection = open(cursor=pymysql.cursors.SSDictCursor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM authors WHERE id BETWEEN 501 AND 502 ORDER BY id")
        equal([row["id"] for row in cursor.fetchall_unbuffered()], [501, 502])
    connection.close()


@check("reconnect", "ping reconnects")
def _():
    connection = open(autocommit=True)
    other = open(autocommit=True)
    with other.cursor() as cursor:
        cursor.execute(f"KILL {connection.thread_id()}")
    connection.ping(reconnect=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        equal(cursor.fetchone(), (1,))
