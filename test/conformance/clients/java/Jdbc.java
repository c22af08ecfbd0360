// JDBC, the same for MySQL's and MariaDB's connector: text protocol, server-side prepared statements, batches, cursors,
// DatabaseMetaData.

import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

public final class Jdbc {
  private static String scheme;

  private static Connection open(String options) throws SQLException {
    return open(Check.DATABASE, Check.PASSWORD, options);
  }

  private static Connection open(String database, String password, String options) throws SQLException {
    String url = "jdbc:" + scheme + "://" + Check.HOST + ":" + Check.PORT + "/" + database + "?allowPublicKeyRetrieval=true&sslMode=" + (scheme.equals("mysql") ? "DISABLED" : "disable");
    return DriverManager.getConnection(url + options, Check.USER, password);
  }

  public static void main(String[] args) throws Exception {
    scheme = args[0];
    Check.client(Check.jarVersion(scheme.equals("mysql") ? "mysql-connector-j" : "mariadb-java-client"));
    Connection[] opened = new Connection[2];
    Check.check("connect", "login", () -> {
      opened[0] = open("");
      opened[1] = open("&useServerPrepStmts=true&cachePrepStmts=true");
      Check.equal(rows(opened[0], "SELECT DATABASE(), 1 + 1"), List.of(Check.DATABASE + "|2"));
      Check.equal(opened[0].isValid(5), true);
      return null;
    });
    Connection one = opened[0];
    Connection prepared = opened[1];
    if (one == null || prepared == null) return;
    Check.check("connect", "wrong password", () -> {
      Check.fails(1045, () -> open(Check.DATABASE, "wrong", ""));
      return null;
    });
    Check.check("connect", "unknown database", () -> {
      Check.fails(1049, () -> open("no_such_database", Check.PASSWORD, ""));
      return null;
    });
    Check.check("connect", "compression", () -> {
      try (Connection other = open("&useCompression=true")) {
        Check.equal(rows(other, "SELECT REPEAT('x', 100000)").get(0).length(), 100_000);
      }
      return null;
    });
    Check.check("connect", "catalogs", () -> {
      Check.equal(one.getCatalog(), Check.DATABASE);
      one.setCatalog("information_schema");
      Check.equal(rows(one, "SELECT DATABASE()"), List.of("information_schema"));
      one.setCatalog(Check.DATABASE);
      return null;
    });

    Check.check("schema", "create tables", () -> {
      for (String sql : List.of("DROP TABLE IF EXISTS books, authors, samples", Check.AUTHORS, Check.BOOKS, Check.SAMPLES)) update(one, sql);
      return null;
    });
    Check.check("schema", "alter and truncate", () -> {
      for (String sql : List.of(
          "ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7", "CREATE INDEX extra ON authors (extra)",
          "ALTER TABLE authors DROP COLUMN extra", "TRUNCATE TABLE samples")) update(one, sql);
      return null;
    });

    crud("crud", one, 500);
    crud("prepared", prepared, 600);
    Check.check("prepared", "one statement many times", () -> {
      try (PreparedStatement statement = prepared.prepareStatement("SELECT name FROM authors WHERE id = ?")) {
        for (int i = 0; i < 200; i++) {
          statement.setLong(1, 601 + i % 3);
          try (ResultSet result = statement.executeQuery()) {
            Check.equal(result.next(), true);
            Check.equal(result.getString(1), List.of("Bob", "Cid", "Dan").get(i % 3));
          }
        }
      }
      return null;
    });
    Check.check("prepared", "cursor", () -> {
      try (Connection other = open("&useServerPrepStmts=true&useCursorFetch=true");
          PreparedStatement statement = other.prepareStatement("SELECT a.id FROM authors a JOIN authors b JOIN authors c WHERE a.id > ?")) {
        statement.setFetchSize(7);
        statement.setLong(1, 0);
        int count = 0;
        try (ResultSet result = statement.executeQuery()) {
          while (result.next()) count++;
        }
        Check.equal(count, 216);
      }
      return null;
    });
    Check.check("prepared", "errors", () -> {
      Check.fails(1146, () -> {
        try (PreparedStatement statement = prepared.prepareStatement("SELECT * FROM no_such_table WHERE a = ?")) {
          statement.setInt(1, 1);
          return statement.executeQuery();
        }
      });
      return null;
    });
    Check.check("prepared", "metadata before execution", () -> {
      try (PreparedStatement statement = prepared.prepareStatement("SELECT id, name, score + ? AS more FROM authors WHERE id = ?")) {
        Check.equal(statement.getParameterMetaData().getParameterCount(), 2);
        return columns(statement.getMetaData());
      }
    });

    transactions(one);
    metadata(one);
    Check.check("errors", "numbers and states", () -> {
      List<String> seen = new ArrayList<>();
      Object[][] wanted = {
        {1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"}, {1064, "UPDATED authors"},
        {1146, "SELECT * FROM no_such_table"}, {1054, "SELECT no_such_column FROM authors"},
        {1048, "INSERT INTO authors (id, name) VALUES (999, NULL)"},
        {1451, "DELETE FROM authors WHERE id = 501"},
      };
      for (Object[] each : wanted) seen.add(Check.fails((Integer) each[0], () -> execute(one, (String) each[1])));
      Check.equal(rows(one, "SELECT 1"), List.of("1"));
      return seen;
    });
    session(one);
    Check.check("reconnect", "killed connection", () -> {
      try (Connection victim = open("")) {
        String id = rows(victim, "SELECT CONNECTION_ID()").get(0);
        update(one, "KILL " + id);
        Thread.sleep(200);
        Check.equal(victim.isValid(2), false);
      }
      try (Connection again = open("")) {
        Check.equal(rows(again, "SELECT 1"), List.of("1"));
      }
      return null;
    });
    Check.check("reconnect", "query timeout", () -> {
      try (Statement statement = one.createStatement()) {
        statement.setQueryTimeout(1);
        try {
          statement.executeQuery("SELECT SLEEP(20), id FROM authors").next();
        } catch (SQLException expected) {
          return null;
        }
        throw new AssertionError("the statement was not stopped");
      } finally {
        Check.equal(rows(one, "SELECT 1"), List.of("1"));
      }
    });
  }

  private static void crud(String group, Connection one, int base) {
    Check.check(group, "insert gives an id", () -> {
      try (PreparedStatement insert = one.prepareStatement("INSERT INTO authors (name, born, score) VALUES (?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
        insert.setString(1, "Ada");
        insert.setDate(2, java.sql.Date.valueOf("1815-12-10"));
        insert.setBigDecimal(3, new BigDecimal("12.50"));
        Check.equal(insert.executeUpdate(), 1);
        try (ResultSet keys = insert.getGeneratedKeys()) {
          Check.equal(keys.next(), true);
          Check.equal(rows(one, "SELECT name, born, score FROM authors WHERE id = ?", keys.getLong(1)), List.of("Ada|1815-12-10|12.50"));
        }
      }
      update(one, "DELETE FROM authors WHERE name = 'Ada'");
      return null;
    });
    Check.check(group, "batches", () -> {
      try (PreparedStatement insert = one.prepareStatement("INSERT INTO authors (id, name, email) VALUES (?, ?, ?)")) {
        for (int i = 0; i < 3; i++) {
          insert.setLong(1, base + 1 + i);
          insert.setString(2, List.of("Bob", "Cid", "Dan").get(i));
          insert.setString(3, i == 1 ? null : "x@x");
          insert.addBatch();
        }
        Check.equal(insert.executeBatch().length, 3);
      }
      try (PreparedStatement insert = one.prepareStatement("INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)")) {
        for (int i = 0; i < 30; i++) {
          insert.setLong(1, base + 1 + i % 3);
          insert.setString(2, base + " book " + i);
          insert.setBigDecimal(3, i % 2 == 0 ? new BigDecimal(i) : null);
          insert.addBatch();
        }
        insert.executeBatch();
      }
      Check.equal(rows(one, "SELECT COUNT(*), COUNT(price) FROM books WHERE title LIKE ?", base + " %"), List.of("30|15"));
      return null;
    });
    Check.check(group, "join and aggregate", () -> {
      Check.equal(
          rows(one, "SELECT a.name, COUNT(*), SUM(b.price) FROM authors a JOIN books b ON b.author_id = a.id WHERE a.id > ? AND a.id < ? GROUP BY a.id, a.name ORDER BY a.name", base, base + 4),
          List.of("Bob|10|60.00", "Cid|10|80.00", "Dan|10|70.00"));
      return null;
    });
    Check.check(group, "update and delete", () -> {
      Check.equal(update(one, "UPDATE authors SET score = score + ? WHERE id = ?", 1.25, base + 1), 1);
      Check.equal(update(one, "UPDATE books SET price = price + 1 WHERE price IS NOT NULL AND title LIKE ?", base + " %"), 15);
      Check.equal(update(one, "DELETE FROM books WHERE author_id = ?", base + 3), 10);
      Check.equal(update(one, "DELETE FROM books WHERE price IS NULL AND title LIKE ?", base + " %"), 10);
      Check.equal(update(one, "INSERT INTO authors (id, name) VALUES (?, 'Bob') ON DUPLICATE KEY UPDATE score = 3", base + 1) > 0, true);
      return null;
    });
    Check.check(group, "every type", () -> {
      update(one, "DELETE FROM samples");
      update(one, "INSERT INTO samples VALUES (1, " + Check.SAMPLE + ")");
      update(one, "INSERT INTO samples (id) VALUES (2)");
      return List.of(objects(one, "SELECT * FROM samples WHERE id < ? ORDER BY id", 3), objects(one, "SELECT * FROM samples WHERE id = ?", 1));
    });
    Check.check(group, "streamed parameter", () -> {
      byte[] bytes = new byte[1_500_000];
      Arrays.fill(bytes, (byte) 0x5c);
      try (PreparedStatement insert = one.prepareStatement("INSERT INTO samples (id, long_bytes) VALUES (?, ?)")) {
        insert.setLong(1, 3);
        insert.setBinaryStream(2, new ByteArrayInputStream(bytes), bytes.length);
        insert.executeUpdate();
      }
      try (Statement statement = one.createStatement();
          ResultSet result = statement.executeQuery("SELECT long_bytes FROM samples WHERE id = 3")) {
        result.next();
        Check.equal(Arrays.equals(result.getBytes(1), bytes), true);
      }
      return null;
    });
  }

  private static void transactions(Connection one) {
    Check.check("transactions", "commit and rollback", () -> {
      try (Connection two = open("")) {
        two.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        two.setAutoCommit(false);
        update(two, "UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)");
        Check.equal(rows(one, "SELECT COUNT(*) FROM authors WHERE name = 'kept'"), List.of("0"));
        two.commit();
        Check.equal(rows(one, "SELECT COUNT(*) FROM authors WHERE name = 'kept'"), List.of("3"));
        update(two, "UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)");
        two.rollback();
        Check.equal(rows(one, "SELECT COUNT(*) FROM authors WHERE name = 'kept'"), List.of("3"));
      }
      return null;
    });
    Check.check("transactions", "savepoints", () -> {
      try (Connection two = open("")) {
        two.setAutoCommit(false);
        update(two, "UPDATE authors SET name = 'a' WHERE id = 501");
        Savepoint point = two.setSavepoint("point");
        update(two, "UPDATE authors SET name = 'b' WHERE id IN (502, 503)");
        two.rollback(point);
        two.commit();
      }
      Check.equal(rows(one, "SELECT name FROM authors WHERE id IN (501, 502, 503) ORDER BY id"), List.of("a", "kept", "kept"));
      return null;
    });
    Check.check("transactions", "read only", () -> {
      try (Connection two = open("")) {
        two.setReadOnly(true);
        two.setAutoCommit(false);
        try {
          update(two, "UPDATE authors SET name = 'no' WHERE id = 501");
        } catch (SQLException expected) {
          return null;
        }
        throw new AssertionError("a read-only connection has written");
      }
    });
  }

  private static void metadata(Connection one) {
    Check.check("metadata", "columns of a result", () -> {
      try (Statement statement = one.createStatement();
          ResultSet result = statement.executeQuery("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1")) {
        return columns(result.getMetaData());
      }
    });
    Check.check("metadata", "tables and columns", () -> {
      DatabaseMetaData meta = one.getMetaData();
      List<String> seen = new ArrayList<>();
      try (ResultSet tables = meta.getTables(Check.DATABASE, null, "%o%s", new String[] {"TABLE"})) {
        while (tables.next()) seen.add(tables.getString("TABLE_NAME"));
      }
      try (ResultSet columns = meta.getColumns(Check.DATABASE, null, "authors", "%")) {
        while (columns.next()) {
          seen.add(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME") + " " + columns.getInt("COLUMN_SIZE") + " " + columns.getString("IS_NULLABLE") + " " + columns.getString("IS_AUTOINCREMENT"));
        }
      }
      return seen;
    });
    Check.check("metadata", "keys and indexes", () -> {
      DatabaseMetaData meta = one.getMetaData();
      List<String> seen = new ArrayList<>();
      try (ResultSet keys = meta.getPrimaryKeys(Check.DATABASE, null, "books")) {
        while (keys.next()) seen.add(keys.getString("COLUMN_NAME") + " " + keys.getString("PK_NAME"));
      }
      try (ResultSet keys = meta.getImportedKeys(Check.DATABASE, null, "books")) {
        while (keys.next()) seen.add(keys.getString("PKTABLE_NAME") + " " + keys.getString("FKCOLUMN_NAME"));
      }
      try (ResultSet indexes = meta.getIndexInfo(Check.DATABASE, null, "authors", false, true)) {
        while (indexes.next()) seen.add(indexes.getString("INDEX_NAME") + " " + indexes.getString("COLUMN_NAME"));
      }
      return seen;
    });
    Check.check("metadata", "the server's", () -> {
      DatabaseMetaData meta = one.getMetaData();
      return List.of(meta.getDatabaseMajorVersion(), meta.getDatabaseMinorVersion(), meta.supportsTransactions(), meta.getMaxColumnNameLength());
    });
  }

  private static void session(Connection one) {
    Check.check("session", "several statements", () -> {
      try (Connection many = open("&allowMultiQueries=true"); Statement statement = many.createStatement()) {
        Check.equal(statement.execute("SELECT 1; UPDATE authors SET name = 'm' WHERE id = 503; SELECT 2"), true);
        Check.equal(statement.getMoreResults(), false);
        Check.equal(statement.getUpdateCount(), 1);
        Check.equal(statement.getMoreResults(), true);
        return null;
      }
    });
    Check.check("session", "variables of the login", () -> {
      try (Connection other = open("&sessionVariables=sql_mode='ANSI_QUOTES',time_zone='-05:00'")) {
        return rows(other, "SELECT \"name\", @@sql_mode, @@time_zone FROM authors WHERE \"id\" = 501");
      }
    });
    Check.check("session", "limits of rows", () -> {
      try (Statement statement = one.createStatement()) {
        statement.setMaxRows(2);
        int count = 0;
        try (ResultSet result = statement.executeQuery("SELECT id FROM authors")) {
          while (result.next()) count++;
        }
        Check.equal(count, 2);
      }
      Check.equal(rows(one, "SELECT id FROM authors").size() > 2, true);
      return null;
    });
    Check.check("session", "warnings", () -> {
      try (Statement statement = one.createStatement()) {
        statement.executeUpdate("INSERT IGNORE INTO authors (id, name) VALUES (501, 'again')");
        Check.equal(statement.getWarnings().getErrorCode(), 1062);
      }
      return null;
    });
    Check.check("session", "load local data", () -> {
      java.nio.file.Path file = java.nio.file.Files.createTempFile("conformance", ".csv");
      java.nio.file.Files.writeString(file, "701,a\n702,b\n703,c\n");
      try (Connection local = open("&allowLoadLocalInfile=true")) {
        Check.equal(update(local, "LOAD DATA LOCAL INFILE '" + file + "' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)"), 3);
      } finally {
        java.nio.file.Files.delete(file);
      }
      return null;
    });
  }

  private static boolean execute(Connection one, String sql) throws SQLException {
    try (Statement statement = one.createStatement()) {
      return statement.execute(sql);
    }
  }

  private static int update(Connection one, String sql, Object... parameters) throws SQLException {
    try (PreparedStatement statement = one.prepareStatement(sql)) {
      for (int i = 0; i < parameters.length; i++) statement.setObject(i + 1, parameters[i]);
      return statement.executeUpdate();
    }
  }

  private static List<String> rows(Connection one, String sql, Object... parameters) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (PreparedStatement statement = one.prepareStatement(sql)) {
      for (int i = 0; i < parameters.length; i++) statement.setObject(i + 1, parameters[i]);
      try (ResultSet result = statement.executeQuery()) {
        while (result.next()) {
          List<String> row = new ArrayList<>();
          for (int i = 1; i <= result.getMetaData().getColumnCount(); i++) row.add(result.getString(i));
          rows.add(String.join("|", row));
        }
      }
    }
    return rows;
  }

  /** Values with their Java classes. TIME goes as text: java.sql.Time cannot hold the range of MySQL's. */
  private static List<String> objects(Connection one, String sql, Object parameter) throws SQLException {
    List<String> seen = new ArrayList<>();
    try (PreparedStatement statement = one.prepareStatement(sql)) {
      statement.setObject(1, parameter);
      try (ResultSet result = statement.executeQuery()) {
        ResultSetMetaData meta = result.getMetaData();
        while (result.next()) {
          for (int i = 1; i <= meta.getColumnCount(); i++) {
            Object value = meta.getColumnName(i).equals("clock") ? result.getString(i) : result.getObject(i);
            if (value instanceof byte[] bytes) value = HexFormat.of().formatHex(bytes);
            if (value instanceof java.sql.Blob blob) value = HexFormat.of().formatHex(blob.getBytes(1, (int) blob.length()));
            seen.add(meta.getColumnName(i) + " " + (value == null ? "null" : value.getClass().getSimpleName() + " " + value));
          }
        }
      }
    }
    return seen;
  }

  private static List<String> columns(ResultSetMetaData meta) throws SQLException {
    List<String> seen = new ArrayList<>();
    for (int i = 1; i <= meta.getColumnCount(); i++) {
      seen.add(String.join(" ", meta.getColumnLabel(i), meta.getColumnName(i), meta.getTableName(i), meta.getColumnTypeName(i), meta.getColumnClassName(i),
          String.valueOf(meta.getColumnDisplaySize(i)), String.valueOf(meta.getPrecision(i)), String.valueOf(meta.getScale(i)),
          String.valueOf(meta.isNullable(i)), String.valueOf(meta.isSigned(i)), String.valueOf(meta.isAutoIncrement(i))));
    }
    return seen;
  }
}
