# mysqlclient (MySQLdb) over libmariadb.

import MySQLdb
import MySQLdb.constants.CLIENT as CLIENT

import dbapi
from check import DATABASE, HOST, PASSWORD, PORT, USER, client

client("mysqlclient")


def open(password=PASSWORD, database=DATABASE, autocommit=False, local=False):
    return MySQLdb.connect(host=HOST, port=PORT, user=USER, password=password, database=database, autocommit=autocommit,
                           charset="utf8mb4", local_infile=1 if local else 0)


def multi(sql):
    connection = MySQLdb.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE, autocommit=True,
                                 client_flag=CLIENT.MULTI_STATEMENTS)
    cursor = connection.cursor()
    cursor.execute(sql)
    results = [list(cursor.fetchall())]
    while cursor.nextset():
        results.append(list(cursor.fetchall()))
    connection.close()
    return results


dbapi.run(MySQLdb, open, lambda one: one.ping(), lambda victim: victim.thread_id(), multi,
          lambda other: other.change_user(USER, PASSWORD, DATABASE))
