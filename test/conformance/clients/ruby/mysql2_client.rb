# The mysql2 gem over libmariadb: text protocol, prepared statements, streams.

require 'json'
require 'mysql2'

$stdout.sync = true
TARGET = %w[HOST PORT USER PASSWORD DATABASE].to_h { |name| [name.downcase.to_sym, ENV.fetch("CONFORMANCE_#{name}")] }

AUTHORS = 'CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))'
BOOKS = 'CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))'
SAMPLES = "CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)"
SAMPLE = %q(-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '11:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{"a": [1, 2, {"b": null}]}', 'large', 'a,c', b'101010101010', TRUE)

def out(line)
  puts JSON.generate(line)
end

def check(group, name)
  seen = yield
  out({ group: group, check: name, ok: true }.merge(seen.is_a?(Array) ? { seen: seen } : {}))
rescue StandardError, SystemStackError => e
  out({ group: group, check: name, ok: false, detail: e.message.dup.force_encoding('UTF-8').scrub })
end

def equal(actual, expected)
  raise "got #{actual.inspect}, expected #{expected.inspect}" unless actual == expected

  nil
end

def fails(errno)
  outcome = yield
  raise "expected error #{errno}, got #{outcome.inspect}"
rescue Mysql2::Error => e
  raise "expected error #{errno}, got #{e.error_number}: #{e.message}" unless e.error_number == errno

  e.sql_state
end

def open(**more)
  Mysql2::Client.new(host: TARGET[:host], port: TARGET[:port].to_i, username: TARGET[:user], password: TARGET[:password],
                     database: TARGET[:database], encoding: 'utf8mb4', database_timezone: :utc, **more)
end

def shown(rows)
  rows.map { |row| row.map { |name, value| "#{name} #{value.class} #{value.is_a?(String) && !value.valid_encoding? ? value.unpack1('H*') : value.inspect}" } }
end

out({ version: Mysql2::VERSION })
one = nil
check('connect', 'login') do
  one = open
  equal one.query('SELECT DATABASE() AS d, 1 + 1 AS two').to_a, [{ 'd' => TARGET[:database], 'two' => 2 }]
  equal one.ping, true
end
exit 0 if one.nil?
check('connect', 'wrong password') { fails(1045) { open(password: 'wrong') } && nil }
check('connect', 'unknown database') { fails(1049) { open(database: 'no_such_database') } && nil }
check('connect', 'select database') do
  two = open
  two.select_db('information_schema')
  equal two.query('SELECT DATABASE() AS d').first['d'], 'information_schema'
end
check('schema', 'create tables') do
  ['DROP TABLE IF EXISTS books, authors, samples', AUTHORS, BOOKS, SAMPLES].each { |sql| one.query(sql) }
  nil
end
check('schema', 'alter and truncate') do
  ['ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7', 'ALTER TABLE authors DROP COLUMN extra', 'TRUNCATE TABLE samples'].each { |sql| one.query(sql) }
  nil
end
check('crud', 'insert gives an id') do
  one.query("INSERT INTO authors (name, born) VALUES ('Ada', '1815-12-10')")
  equal [one.affected_rows, one.last_id.positive?], [1, true]
  equal one.query("SELECT name, born FROM authors WHERE id = #{one.last_id}").first, { 'name' => 'Ada', 'born' => Date.new(1815, 12, 10) }
end
check('crud', 'update and delete') do
  one.query("INSERT INTO authors (id, name) VALUES (501, 'Bob'), (502, 'Cid'), (503, 'Dan')")
  one.query("UPDATE authors SET score = 1.5 WHERE name LIKE '%d%'")
  equal one.affected_rows, 3
  one.query("DELETE FROM authors WHERE name = 'Ada'")
  equal one.affected_rows, 1
end
check('crud', 'every type, text protocol') do
  one.query("INSERT INTO samples VALUES (1, #{SAMPLE})")
  one.query('INSERT INTO samples (id) VALUES (2)')
  shown(one.query('SELECT * FROM samples ORDER BY id'))
end
check('crud', 'stream') do
  equal one.query('SELECT a.id FROM authors a JOIN authors b JOIN authors c', stream: true, cache_rows: false).map { |row| row['id'] }.size, 27
end
check('prepared', 'insert, update, delete') do
  insert = one.prepare('INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)')
  30.times { |i| insert.execute(501 + i % 3, "book #{i}", i.even? ? i : nil) }
  equal [insert.affected_rows, insert.last_id.positive?], [1, true]
  update = one.prepare('UPDATE books SET price = price + 1 WHERE price > ?')
  update.execute(20)
  equal update.affected_rows, 4
  delete = one.prepare('DELETE FROM books WHERE author_id = ?')
  delete.execute(503)
  equal delete.affected_rows, 10
end
check('prepared', 'one statement many times') do
  statement = one.prepare('SELECT name FROM authors WHERE id = ?')
  100.times { |i| equal statement.execute(501 + i % 3).first['name'], %w[Bob Cid Dan][i % 3] }
  statement.close
  nil
end
check('prepared', 'join and aggregate') do
  shown(one.prepare('SELECT a.name, COUNT(*) AS n, SUM(b.price) AS total, MAX(b.title) AS t FROM authors a JOIN books b ON b.author_id = a.id WHERE a.id > ? GROUP BY a.id, a.name ORDER BY a.name').execute(500))
end
check('prepared', 'every type, binary protocol') do
  shown(one.prepare('SELECT * FROM samples WHERE id < ? ORDER BY id').execute(3)) + shown(one.prepare('SELECT * FROM samples WHERE id = ?').execute(1))
end
check('prepared', 'errors') do
  fails(1146) { one.prepare('SELECT * FROM no_such_table WHERE a = ?') }
  fails(1062) { one.prepare('INSERT INTO authors (id, name) VALUES (?, ?)').execute(501, 'again') }
  nil
end
check('transactions', 'commit and rollback') do
  one.query('BEGIN')
  one.query("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)")
  one.query('COMMIT')
  one.query('BEGIN')
  one.query("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)")
  one.query('ROLLBACK')
  equal one.query("SELECT COUNT(*) AS n FROM authors WHERE name = 'kept'").first['n'], 3
end
check('transactions', 'abandoned') do
  one.query('BEGIN')
  one.abandon_results!
  one.query("UPDATE authors SET name = 'lost' WHERE id = 501")
  one.query('ROLLBACK')
  equal one.query('SELECT name FROM authors WHERE id = 501').first['name'], 'kept'
end
check('metadata', 'columns of a result') do
  text = one.query('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1')
  binary = one.prepare('SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?').execute(1)
  [text.fields, binary.fields]
end
check('metadata', 'server') { [one.server_info[:id]] }
check('errors', 'numbers and states') do
  {
    1062 => "INSERT INTO authors (id, name) VALUES (501, 'again')", 1064 => 'SELECT FROM WHERE',
    1146 => 'SELECT * FROM no_such_table', 1054 => 'SELECT no_such_column FROM authors'
  }.map { |errno, sql| fails(errno) { one.query(sql) } }
end
check('session', 'several statements') do
  many = open(flags: Mysql2::Client::MULTI_STATEMENTS)
  seen = [many.query('SELECT 1 AS a; SELECT 2 AS a').to_a]
  seen << many.store_result.to_a while many.next_result
  equal seen, [[{ 'a' => 1 }], [{ 'a' => 2 }]]
end
check('session', 'initial statement') do
  equal open(init_command: "SET time_zone = '-04:00'").query('SELECT @@time_zone AS z').first['z'], '-04:00'
end
check('session', 'asynchronous query') do
  one.query('SELECT 7 AS n', async: true)
  equal one.async_result.first['n'], 7
end
check('reconnect', 'killed connection') do
  victim = open
  one.query("KILL #{victim.thread_id}")
  sleep 0.2
  equal victim.ping, false
end
check('reconnect', 'by itself') do
  victim = open(reconnect: true)
  one.query("KILL #{victim.thread_id}")
  sleep 0.2
  equal victim.query("SELECT 'back' AS b").first['b'], 'back'
end
