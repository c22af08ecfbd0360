<?php
// mysqli over mysqlnd: text and binary protocol, several results, asynchronous queries.

require __DIR__ . '/check.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
out(['version' => PHP_VERSION]);

function connect(string $password = PASSWORD, string $database = DATABASE, int $flags = 0, bool $local = false): mysqli
{
    $one = mysqli_init();
    $one->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 1);
    $one->options(MYSQLI_OPT_LOCAL_INFILE, $local ? 1 : 0);
    $one->real_connect(HOST, USER, $password, $database, PORT, null, $flags);
    $one->set_charset('utf8mb4');
    return $one;
}

$one = null;
check('connect', 'login', function () use (&$one) {
    $one = connect();
    equal($one->query('SELECT DATABASE(), 1 + 1')->fetch_row(), [DATABASE, 2]);
    equal($one->character_set_name(), 'utf8mb4');
});
if ($one === null) {
    exit(0);
}
check('connect', 'wrong password', function () { fails(1045, fn() => connect('wrong')); });
check('connect', 'unknown database', function () { fails(1049, fn() => connect(PASSWORD, 'no_such_database')); });
check('connect', 'change user and select database', function () {
    $two = connect();
    $two->query('SET @conformance = 1');
    $two->change_user(USER, PASSWORD, DATABASE);
    equal($two->query('SELECT @conformance')->fetch_row(), [null]);
    $two->select_db('information_schema');
    equal($two->query('SELECT DATABASE()')->fetch_row(), ['information_schema']);
    $two->close();
});
check('connect', 'compression', function () {
    $two = connect(PASSWORD, DATABASE, MYSQLI_CLIENT_COMPRESS);
    equal(strlen($two->query("SELECT REPEAT('x', 100000)")->fetch_row()[0]), 100000);
    $two->close();
});
check('connect', 'statistics', function () use (&$one) {
    equal(str_contains($one->stat(), 'Uptime'), true);
    equal($one->thread_id > 0, true);
});

check('schema', 'create tables', function () use (&$one) {
    foreach (['DROP TABLE IF EXISTS books, authors, samples', AUTHORS, BOOKS, SAMPLES] as $sql) {
        $one->query($sql);
    }
});
check('schema', 'alter and truncate', function () use (&$one) {
    $one->query('ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7');
    $one->query('ALTER TABLE authors DROP COLUMN extra');
    $one->query('TRUNCATE TABLE samples');
});

check('crud', 'insert gives an id', function () use (&$one) {
    $one->query("INSERT INTO authors (name, born) VALUES ('Ada', '1815-12-10')");
    equal([$one->affected_rows, $one->insert_id > 0], [1, true]);
    equal($one->query("SELECT name FROM authors WHERE id = {$one->insert_id}")->fetch_assoc(), ['name' => 'Ada']);
});
check('crud', 'update and delete', function () use (&$one) {
    $one->query("INSERT INTO authors (id, name) VALUES (501, 'Bob'), (502, 'Cid'), (503, 'Dan')");
    equal($one->info, 'Records: 3  Duplicates: 0  Warnings: 0');
    $one->query("UPDATE authors SET score = 2 WHERE id = 501");
    equal($one->info, 'Rows matched: 1  Changed: 1  Warnings: 0');
    $one->query("UPDATE authors SET email = 'x@x' WHERE name LIKE '%d%'");
    equal($one->affected_rows, 3);
    $one->query("DELETE FROM authors WHERE name = 'Ada'");
    equal($one->affected_rows, 1);
});
check('crud', 'every type, text protocol', function () use (&$one) {
    $one->query('INSERT INTO samples VALUES (1, ' . SAMPLE . ')');
    $one->query('INSERT INTO samples (id) VALUES (2)');
    return shown($one->query('SELECT * FROM samples ORDER BY id')->fetch_all(MYSQLI_ASSOC));
});
check('crud', 'unbuffered result', function () use (&$one) {
    $result = $one->query('SELECT a.id FROM authors a JOIN authors b JOIN authors c', MYSQLI_USE_RESULT);
    $count = 0;
    while ($result->fetch_row() !== null) {
        $count++;
    }
    $result->free();
    equal($count, 27);
});

check('prepared', 'insert, update, delete', function () use (&$one) {
    $insert = $one->prepare('INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)');
    for ($i = 0; $i < 30; $i++) {
        $insert->execute([501 + $i % 3, "book $i", $i % 2 === 0 ? $i : null]);
        equal([$insert->affected_rows, $insert->insert_id > 0], [1, true]);
    }
    $insert->close();
    $update = $one->execute_query('UPDATE books SET price = price + 1 WHERE price > ?', [20]);
    equal([$update, $one->affected_rows], [true, 4]);
    $one->execute_query('DELETE FROM books WHERE author_id = ?', [503]);
    equal($one->affected_rows, 10);
});
check('prepared', 'join and aggregate', function () use (&$one) {
    $sql = 'SELECT a.name, COUNT(*) AS n, SUM(b.price) AS total, AVG(b.price) AS mean FROM authors a JOIN books b
        ON b.author_id = a.id WHERE a.id > ? GROUP BY a.id, a.name ORDER BY a.name';
    return $one->execute_query($sql, [500])->fetch_all(MYSQLI_ASSOC);
});
check('prepared', 'every type, binary protocol', function () use (&$one) {
    return [
        shown($one->execute_query('SELECT * FROM samples WHERE id < ? ORDER BY id', [3])->fetch_all(MYSQLI_ASSOC)),
        shown($one->execute_query('SELECT * FROM samples WHERE id = ?', [1])->fetch_all(MYSQLI_ASSOC)),
    ];
});
check('prepared', 'bound parameters and results', function () use (&$one) {
    $statement = $one->prepare('SELECT id, name FROM authors WHERE id = ?');
    $statement->bind_param('i', $id);
    foreach ([501, 502, 503] as $id) {
        $statement->execute();
        $statement->bind_result($found, $name);
        equal([$statement->fetch(), $found], [true, $id]);
        $statement->free_result();
    }
    $statement->reset();
    $statement->close();
});
check('prepared', 'long data', function () use (&$one) {
    $statement = $one->prepare('INSERT INTO samples (id, long_bytes) VALUES (?, ?)');
    $id = 3;
    $null = null;
    $statement->bind_param('ib', $id, $null);
    for ($i = 0; $i < 40; $i++) {
        $statement->send_long_data(1, str_repeat(chr($i), 50000));
    }
    $statement->execute();
    equal($one->query('SELECT LENGTH(long_bytes), HEX(SUBSTRING(long_bytes, 1950001, 1)) FROM samples WHERE id = 3')->fetch_row(), [2000000, '27']);
});
check('prepared', 'cursor', function () use (&$one) {
    $statement = $one->prepare('SELECT a.id FROM authors a JOIN authors b WHERE a.id > ? ORDER BY a.id, b.id');
    $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
    $statement->attr_set(MYSQLI_STMT_ATTR_PREFETCH_ROWS, 1);
    $statement->execute([500]);
    $statement->bind_result($id);
    $count = 0;
    while ($statement->fetch()) {
        $count++;
    }
    equal($count, 9);
});
check('prepared', 'errors', function () use (&$one) {
    fails(1146, fn() => $one->prepare('SELECT * FROM no_such_table WHERE a = ?'));
    fails(1062, fn() => $one->execute_query('INSERT INTO authors (id, name) VALUES (?, ?)', [501, 'again']));
});

check('transactions', 'commit and rollback', function () use (&$one) {
    $one->begin_transaction();
    $one->query("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)");
    $one->commit();
    $one->autocommit(false);
    $one->query("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)");
    $one->rollback();
    $one->autocommit(true);
    equal($one->query("SELECT COUNT(*) FROM authors WHERE name = 'kept'")->fetch_row(), [3]);
});
check('transactions', 'savepoints', function () use (&$one) {
    $one->begin_transaction(MYSQLI_TRANS_START_READ_WRITE);
    $one->query("UPDATE authors SET name = 'a' WHERE id = 501");
    $one->query('SAVEPOINT sp');
    $one->query("UPDATE authors SET name = 'b' WHERE id IN (502, 503)");
    $one->query('ROLLBACK TO SAVEPOINT sp');
    $one->release_savepoint('sp');
    $one->commit();
    equal($one->query('SELECT name FROM authors WHERE id IN (501, 502) ORDER BY id')->fetch_all(), [['a'], ['kept']]);
});

check('metadata', 'columns of a result', function () use (&$one) {
    $text = $one->query('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1')->fetch_fields();
    $binary = $one->execute_query('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?', [1])->fetch_fields();
    $prepared = $one->prepare('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?')->result_metadata()->fetch_fields();
    $line = fn($f) => [$f->name, $f->orgname, $f->table, $f->orgtable, $f->db, $f->length, $f->charsetnr, $f->flags, $f->type, $f->decimals];
    return [array_map($line, $text), array_map($line, $binary), array_map($line, $prepared)];
});

check('errors', 'numbers and states', function () use (&$one) {
    $seen = [];
    foreach ([
        [1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"],
        [1064, 'SELECT FROM WHERE'],
        [1146, 'SELECT * FROM no_such_table'],
        [1054, 'SELECT no_such_column FROM authors'],
        [1406, "INSERT INTO authors (id, name) VALUES (999, REPEAT('x', 100))"],
    ] as [$errno, $sql]) {
        $seen[] = fails($errno, fn() => $one->query($sql))->getSqlState();
    }
    return $seen;
});
check('session', 'several statements', function () use (&$one) {
    $one->multi_query("SELECT 1; UPDATE authors SET name = 'm' WHERE id = 503; SELECT name FROM authors WHERE id = 503");
    $seen = [];
    do {
        $result = $one->store_result();
        $seen[] = $result === false ? $one->affected_rows : $result->fetch_all();
    } while ($one->more_results() && $one->next_result());
    equal($seen, [[[1]], 1, [['m']]]);
});
check('session', 'warnings', function () use (&$one) {
    $one->query("INSERT IGNORE INTO authors (id, name) VALUES (501, 'again')");
    equal([$one->warning_count, $one->get_warnings()->errno], [1, 1062]);
});
check('session', 'load local data', function () {
    $file = tempnam(sys_get_temp_dir(), 'conformance');
    file_put_contents($file, "701,a\n702,b\n703,c\n");
    $local = connect(PASSWORD, DATABASE, 0, true);
    $local->query("LOAD DATA LOCAL INFILE '$file' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)");
    unlink($file);
    equal([$local->affected_rows, $local->info], [3, 'Records: 3  Deleted: 0  Skipped: 0  Warnings: 0']);
});
check('reconnect', 'killed connection', function () use (&$one) {
    $victim = connect();
    $one->kill($victim->thread_id);
    usleep(200000);
    try {
        $victim->query('SELECT 1');
    } catch (mysqli_sql_exception) {
        equal(connect()->query('SELECT 1')->fetch_row(), [1]);
        return;
    }
    throw new Exception('the killed connection still answers');
});
check('reconnect', 'asynchronous query', function () {
    $two = connect();
    $two->query('SELECT SLEEP(0.1), 7', MYSQLI_ASYNC);
    $read = $error = $reject = [$two];
    equal(mysqli_poll($read, $error, $reject, 10), 1);
    equal($two->reap_async_query()->fetch_row()[1], 7);
});
