<?php
// PDO, with statements emulated by the driver and with the server's.

require __DIR__ . '/check.php';

out(['version' => PHP_VERSION]);

function connect(array $options = [], string $password = PASSWORD, string $database = DATABASE): PDO
{
    return new PDO('mysql:host=' . HOST . ';port=' . PORT . ";dbname=$database;charset=utf8mb4", USER, $password, $options + [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM,
    ]);
}

$emulated = $server = null;
check('connect', 'login', function () use (&$emulated, &$server) {
    $emulated = connect();
    $server = connect([PDO::ATTR_EMULATE_PREPARES => false]);
    equal($server->query('SELECT DATABASE(), 1 + 1')->fetchAll(), [[DATABASE, 2]]);
    equal(str_contains($server->getAttribute(PDO::ATTR_SERVER_INFO), 'Uptime'), true);
});
if ($server === null) {
    exit(0);
}
check('connect', 'wrong password', function () { fails(1045, fn() => connect([], 'wrong')); });
check('connect', 'unknown database', function () { fails(1049, fn() => connect([], PASSWORD, 'no_such_database')); });
check('connect', 'initial statement and compression', function () {
    $one = connect([PDO::MYSQL_ATTR_INIT_COMMAND => "SET time_zone = '-02:00'", PDO::MYSQL_ATTR_COMPRESS => true]);
    equal($one->query('SELECT @@time_zone')->fetchColumn(), '-02:00');
});
check('schema', 'create tables', function () use (&$server) {
    foreach (['DROP TABLE IF EXISTS books, authors, samples', AUTHORS, BOOKS, SAMPLES] as $sql) {
        $server->exec($sql);
    }
});
check('schema', 'alter and truncate', function () use (&$server) {
    $server->exec('ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7');
    $server->exec('ALTER TABLE authors DROP COLUMN extra');
    $server->exec('TRUNCATE TABLE samples');
});
foreach (['crud' => [&$emulated, 500], 'prepared' => [&$server, 600]] as $group => [$one, $base]) {
    check($group, 'insert gives an id', function () use ($one) {
        $statement = $one->prepare('INSERT INTO authors (name, born) VALUES (:name, :born)');
        $statement->execute(['name' => 'Ada', 'born' => '1815-12-10']);
        $id = (int) $one->lastInsertId();
        equal([$statement->rowCount(), $id > 0], [1, true]);
        $one->prepare('DELETE FROM authors WHERE id = ?')->execute([$id]);
    });
    check($group, 'insert, update, delete', function () use ($one, $base) {
        $insert = $one->prepare('INSERT INTO authors (id, name, email) VALUES (?, ?, ?)');
        foreach (['Bob', 'Cid', 'Dan'] as $i => $name) {
            $insert->execute([$base + 1 + $i, $name, $i === 1 ? null : 'x@x']);
        }
        $insert = $one->prepare('INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)');
        for ($i = 0; $i < 30; $i++) {
            $insert->execute([$base + 1 + $i % 3, "$base book $i", $i % 2 === 0 ? $i : null]);
        }
        $update = $one->prepare('UPDATE books SET price = price + 1 WHERE price > ? AND title LIKE ?');
        $update->execute([20, "$base %"]);
        equal($update->rowCount(), 4);
        $delete = $one->prepare('DELETE FROM books WHERE author_id = ?');
        $delete->execute([$base + 3]);
        equal($delete->rowCount(), 10);
    });
    check($group, 'join and aggregate', function () use ($one, $base) {
        $statement = $one->prepare('SELECT a.name, COUNT(*), SUM(b.price) FROM authors a JOIN books b ON b.author_id = a.id
            WHERE a.id BETWEEN :low AND :high GROUP BY a.id, a.name ORDER BY a.name');
        $statement->bindValue('low', $base, PDO::PARAM_INT);
        $statement->bindValue('high', $base + 9, PDO::PARAM_INT);
        $statement->execute();
        return $statement->fetchAll(PDO::FETCH_ASSOC);
    });
    check($group, 'every type', function () use ($one) {
        $one->exec('DELETE FROM samples');
        $one->exec('INSERT INTO samples VALUES (1, ' . SAMPLE . ')');
        $one->exec('INSERT INTO samples (id) VALUES (2)');
        $statement = $one->prepare('SELECT * FROM samples WHERE id < ? ORDER BY id');
        $statement->execute([3]);
        return shown($statement->fetchAll());
    });
    check($group, 'large value', function () use ($one) {
        $bytes = str_repeat("\x00'\\\xff", 400000);
        $statement = $one->prepare('INSERT INTO samples (id, long_bytes) VALUES (3, ?)');
        $statement->bindValue(1, $bytes, PDO::PARAM_LOB);
        $statement->execute();
        equal($one->query('SELECT long_bytes FROM samples WHERE id = 3')->fetchColumn() === $bytes, true);
    });
    check($group, 'metadata', function () use ($one) {
        $statement = $one->prepare('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?');
        $statement->execute([1]);
        return array_map(fn($i) => $statement->getColumnMeta($i), range(0, $statement->columnCount() - 1));
    });
}
check('transactions', 'commit and rollback', function () use (&$server) {
    $server->beginTransaction();
    $server->exec("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)");
    equal($server->inTransaction(), true);
    $server->commit();
    $server->beginTransaction();
    $server->exec("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)");
    $server->rollBack();
    equal($server->inTransaction(), false);
    equal($server->query("SELECT COUNT(*) FROM authors WHERE name = 'kept'")->fetchColumn(), 3);
});
check('transactions', 'autocommit off', function () {
    $one = connect([PDO::ATTR_AUTOCOMMIT => 0]);
    $one->exec("UPDATE authors SET name = 'lost' WHERE id = 501");
    $one->exec('ROLLBACK');
    equal($one->query('SELECT name FROM authors WHERE id = 501')->fetchColumn(), 'kept');
});
check('errors', 'states', function () use (&$server) {
    $seen = [];
    foreach ([
        [1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"],
        [1064, 'SELECT FROM WHERE'],
        [1146, 'SELECT * FROM no_such_table'],
        [1452, "INSERT INTO books (id, author_id, title) VALUES (999999, 987654, 'x')"],
    ] as [$errno, $sql]) {
        $seen[] = fails($errno, fn() => $server->query($sql))->errorInfo[0];
    }
    return $seen;
});
check('session', 'several statements', function () use (&$emulated) {
    $statement = $emulated->query('SELECT 1; SELECT 2; SELECT 3');
    $seen = [];
    do {
        $seen[] = $statement->fetchAll();
    } while ($statement->nextRowset());
    equal($seen, [[[1]], [[2]], [[3]]]);
});
check('session', 'unbuffered result', function () {
    $one = connect([PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false]);
    $count = 0;
    foreach ($one->query('SELECT a.id FROM authors a JOIN authors b') as $_) {
        $count++;
    }
    equal($count, 36);
});
check('session', 'found rows', function () {
    $found = connect([PDO::MYSQL_ATTR_FOUND_ROWS => true]);
    $changed = connect();
    $sql = 'UPDATE authors SET name = name WHERE id IN (501, 502)';
    equal([$found->exec($sql), $changed->exec($sql)], [2, 0]);
});
check('reconnect', 'killed connection', function () use (&$server) {
    $victim = connect();
    $id = $victim->query('SELECT CONNECTION_ID()')->fetchColumn();
    $server->exec("KILL $id");
    usleep(200000);
    try {
        @$victim->query('SELECT 1');
    } catch (PDOException) {
        equal(connect()->query('SELECT 1')->fetchColumn(), 1);
        return;
    }
    throw new Exception('the killed connection still answers');
});
