# DBI over DBD::mysql or DBD::MariaDB (the argument), with statements emulated by the driver and with the server's.

use strict;
use warnings;
use utf8;
use DBI;
use JSON::PP;

$| = 1;
my $driver = shift // 'mysql';
my $prefix = $driver eq 'mysql' ? 'mysql' : 'mariadb';
my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my %env = map { $_ => $ENV{"CONFORMANCE_$_"} } qw(HOST PORT USER PASSWORD DATABASE);

my $AUTHORS = 'CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))';
my $BOOKS = 'CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))';
my $SAMPLES = q{CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)};
my $SAMPLE = q{-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{"a": [1, 2, {"b": null}]}', 'large', 'a,c', b'101010101010', TRUE};

sub out { print $json->encode($_[0]), "\n" }

sub check {
    my ($group, $name, $body) = @_;
    my $seen = eval { $body->() };
    if (my $error = $@) {
        chomp $error;
        return out({ group => $group, check => $name, ok => JSON::PP::false, detail => "$error" });
    }
    out({ group => $group, check => $name, ok => JSON::PP::true, (ref $seen ? (seen => $seen) : ()) });
}

sub equal {
    my ($actual, $expected) = map { $json->encode($_) } @_;
    die "got $actual, expected $expected\n" if $actual ne $expected;
}

sub fails {
    my ($errno, $body) = @_;
    eval { $body->(); 1 } and die "expected error $errno, got an answer\n";
    my $found = $DBI::err // 0;
    die "expected error $errno, got $found: $@" if $found != $errno;
    return $DBI::state;
}

sub connect_to {
    my (%more) = @_;
    my $database = delete $more{database} // $env{DATABASE};
    my $password = delete $more{password} // $env{PASSWORD};
    my $flags = join '', map { ";${prefix}_$_=$more{$_}" } grep { /^(compression|local_infile|server_prepare|multi_statements)$/ } sort keys %more;
    return DBI->connect("DBI:$driver:database=$database;host=$env{HOST};port=$env{PORT}$flags", $env{USER}, $password, {
        RaiseError => 1, PrintError => 0, AutoCommit => $more{autocommit} // 1,
        ($driver eq 'mysql' ? (mysql_enable_utf8mb4 => 1) : ()),
    });
}

out({ version => $driver eq 'mysql' ? do { require DBD::mysql; $DBD::mysql::VERSION } : do { require DBD::MariaDB; $DBD::MariaDB::VERSION } });

my ($text, $server);
check('connect', 'login', sub {
    $text = connect_to();
    $server = connect_to(server_prepare => 1);
    equal($text->selectall_arrayref('SELECT DATABASE(), CAST(1 + 1 AS CHAR)'), [[$env{DATABASE}, '2']]);
    equal($text->ping ? 1 : 0, 1);
    return;
});
exit 0 unless $server;
check('connect', 'wrong password', sub { fails(1045, sub { connect_to(password => 'wrong') }); return });
check('connect', 'unknown database', sub { fails(1049, sub { connect_to(database => 'no_such_database') }); return });
check('connect', 'compression', sub {
    my $other = connect_to(compression => 1);
    equal(length $other->selectrow_array("SELECT REPEAT('x', 100000)"), 100000);
    return;
});
check('schema', 'create tables', sub {
    $text->do($_) for 'DROP TABLE IF EXISTS books, authors, samples', $AUTHORS, $BOOKS, $SAMPLES;
    return;
});
check('schema', 'alter and truncate', sub {
    $text->do($_) for 'ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7', 'ALTER TABLE authors DROP COLUMN extra', 'TRUNCATE TABLE samples';
    return;
});
for (['crud', $text, 500], ['prepared', $server, 600]) {
    my ($group, $one, $base) = @$_;
    check($group, 'insert gives an id', sub {
        $one->do('INSERT INTO authors (name, born) VALUES (?, ?)', undef, 'Ada', '1815-12-10');
        my $id = $one->last_insert_id(undef, undef, 'authors', 'id');
        die "no id\n" unless $id > 0;
        equal($one->selectall_arrayref('SELECT name, born FROM authors WHERE id = ?', undef, $id), [['Ada', '1815-12-10']]);
        equal(0 + $one->do('DELETE FROM authors WHERE id = ?', undef, $id), 1);
        return;
    });
    check($group, 'insert, update, delete', sub {
        my $insert = $one->prepare('INSERT INTO authors (id, name, email) VALUES (?, ?, ?)');
        $insert->execute($base + 1, 'Bob', 'bob@x');
        $insert->execute($base + 2, 'Cid', undef);
        $insert->execute($base + 3, 'žluť 😀', 'x');
        $insert = $one->prepare('INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)');
        $insert->execute($base + 1 + $_ % 3, "$base book $_", $_ % 2 ? undef : $_) for 0 .. 29;
        equal(0 + $one->do('UPDATE books SET price = price + 1 WHERE price > ? AND title LIKE ?', undef, 20, "$base %"), 4);
        equal(0 + $one->do('DELETE FROM books WHERE author_id = ?', undef, $base + 3), 10);
        return;
    });
    check($group, 'join and aggregate', sub {
        my $rows = $one->selectall_arrayref('SELECT a.name, COUNT(*), SUM(b.price) FROM authors a JOIN books b ON b.author_id = a.id
            WHERE a.id > ? AND a.id < ? GROUP BY a.id, a.name ORDER BY a.name', undef, $base, $base + 9);
        equal([map { [map { "$_" } @$_] } @$rows], [['Bob', '10', '61.00'], ['Cid', '10', '82.00']]);
        return;
    });
    check($group, 'every type', sub {
        $one->do('DELETE FROM samples');
        $one->do("INSERT INTO samples VALUES (1, $SAMPLE)");
        $one->do('INSERT INTO samples (id) VALUES (2)');
        my $rows = $one->selectall_arrayref('SELECT * FROM samples WHERE id < ? ORDER BY id', undef, 3);
        return [map { [map { defined $_ ? "$_" : undef } @$_] } @$rows];
    });
    check($group, 'metadata', sub {
        my $statement = $one->prepare('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?');
        $statement->execute(1);
        my @names = @{ $statement->{NAME} };
        return [map { my $i = $_; join ' ', $names[$i], map { $statement->{$_}[$i] // 'undef' } 'TYPE', 'NULLABLE', 'PRECISION', "${prefix}_type_name", "${prefix}_length", "${prefix}_is_key" } 0 .. $#names];
    });
}
check('prepared', 'one statement many times', sub {
    my $statement = $server->prepare('SELECT name FROM authors WHERE id = ?');
    for my $i (0 .. 99) {
        $statement->execute(601 + $i % 2);
        equal($statement->fetchall_arrayref, [[$i % 2 ? 'Cid' : 'Bob']]);
    }
    return;
});
check('transactions', 'commit and rollback', sub {
    my $two = connect_to(autocommit => 0);
    $two->do(q{UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)});
    $two->commit;
    $two->do(q{UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)});
    $two->rollback;
    equal(scalar $text->selectrow_array(q{SELECT CAST(COUNT(*) AS CHAR) FROM authors WHERE name = 'kept'}), '3');
    return;
});
check('transactions', 'begin_work', sub {
    $text->begin_work;
    $text->do(q{UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)});
    $text->rollback;
    equal(scalar $text->selectrow_array(q{SELECT CAST(COUNT(*) AS CHAR) FROM authors WHERE name = 'kept'}), '3');
    return;
});
check('metadata', 'tables, columns, keys', sub {
    my @tables = grep { /\b(authors|books|samples)\b/ } $text->tables(undef, $env{DATABASE}, '%', 'TABLE');
    my $columns = $text->column_info(undef, $env{DATABASE}, 'authors', '%')->fetchall_arrayref({});
    my @keys = $text->primary_key(undef, $env{DATABASE}, 'authors');
    my $foreign = $text->foreign_key_info(undef, undef, undef, undef, $env{DATABASE}, 'books')->fetchall_arrayref({});
    return [scalar @tables, [map { join ' ', map { $_ // '' } @$_{qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE IS_NULLABLE)} } @$columns], \@keys,
        [sort map { join ' ', map { $_ // '' } @$_{qw(PKTABLE_NAME FKCOLUMN_NAME)} } @$foreign]];
});
check('errors', 'numbers and states', sub {
    return [
        fails(1062, sub { $text->do(q{INSERT INTO authors (id, name) VALUES (501, 'again')}) }),
        fails(1064, sub { $text->do('SELECT FROM WHERE') }),
        fails(1146, sub { $text->do('SELECT * FROM no_such_table') }),
        fails(1146, sub { $server->prepare('SELECT * FROM no_such_table WHERE a = ?')->execute(1) }),
    ];
});
check('session', 'several statements', sub {
    my $many = connect_to(multi_statements => 1);
    my $statement = $many->prepare('SELECT 1; SELECT 2');
    $statement->execute;
    my @seen;
    do { push @seen, map { "$_->[0]" } @{ $statement->fetchall_arrayref } } while $statement->more_results;
    equal(\@seen, ['1', '2']);
    return;
});
# DBD::MariaDB 1.22 gets no row this way from any server.
check('session', 'rows one after the other', sub {
    my $statement = $text->prepare('SELECT a.id FROM authors a JOIN authors b JOIN authors c', { mysql_use_result => 1 });
    $statement->execute;
    my $count = 0;
    $count++ while $statement->fetchrow_arrayref;
    equal($count, 216);
    return;
}) if $driver eq 'mysql';
check('reconnect', 'killed connection', sub {
    my $victim = connect_to();
    $text->do('KILL ' . $victim->{"${prefix}_thread_id"});
    select undef, undef, undef, 0.2;
    equal($victim->ping ? 1 : 0, 0);
    return;
});
check('reconnect', 'by itself', sub {
    my $victim = connect_to();
    $victim->{"${prefix}_auto_reconnect"} = 1;
    $text->do('KILL ' . $victim->{"${prefix}_thread_id"});
    select undef, undef, undef, 0.2;
    equal(scalar $victim->selectrow_array(q{SELECT 'back'}), 'back');
    return;
});
