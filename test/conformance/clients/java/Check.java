// What both Java programs of the conformance matrix share: the server to speak to, from the environment, and checks that
// print one JSON line each.

import java.sql.SQLException;
import java.util.List;
import java.util.Objects;

final class Check {
  static final String HOST = System.getenv("CONFORMANCE_HOST");
  static final String PORT = System.getenv("CONFORMANCE_PORT");
  static final String USER = System.getenv("CONFORMANCE_USER");
  static final String PASSWORD = System.getenv("CONFORMANCE_PASSWORD");
  static final String DATABASE = System.getenv("CONFORMANCE_DATABASE");

  static final String AUTHORS =
      """
      CREATE TABLE authors (
        id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
        score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))""";
  static final String BOOKS =
      """
      CREATE TABLE books (
        id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
        price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))""";
  static final String SAMPLES =
      """
      CREATE TABLE samples (
        id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
        big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
        stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
        long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)""";
  static final String SAMPLE =
      """
      -128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
        '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
        'long text', X'00ff7f80', X'0001feff', '{"a": [1, 2, {"b": null}]}', 'large', 'a,c', b'101010101010', TRUE""";

  interface Body {
    /** Returns what is compared between the servers, or null. */
    Object run() throws Exception;
  }

  /** The version in the name of a jar of the class path. */
  static String jarVersion(String name) {
    for (String path : System.getProperty("java.class.path").split(java.io.File.pathSeparator)) {
      String file = new java.io.File(path).getName();
      if (file.startsWith(name + "-")) return file.substring(name.length() + 1).replace(".jar", "");
    }
    return "";
  }

  static void client(String version) {
    System.out.println("{\"version\": " + quoted(version) + "}");
  }

  static void check(String group, String name, Body body) {
    String head = "{\"group\": " + quoted(group) + ", \"check\": " + quoted(name);
    String tail;
    try {
      Object seen = body.run();
      tail = ", \"ok\": true" + (seen == null ? "" : ", \"seen\": " + shown(seen));
    } catch (Throwable error) {
      Throwable inner = error;
      while (!(inner instanceof SQLException) && inner.getCause() != null) inner = inner.getCause();
      String number = inner instanceof SQLException fault ? fault.getErrorCode() + ": " : "";
      tail = ", \"ok\": false, \"detail\": " + quoted(number + inner);
    }
    System.out.println(head + tail + "}");
    System.out.flush();
  }

  static void equal(Object actual, Object expected) {
    if (!Objects.deepEquals(actual, expected)) throw new AssertionError("got " + actual + ", expected " + expected);
  }

  /** The SQLSTATE of the error, which has to be this one. */
  static String fails(int errno, Body body) {
    Object outcome;
    try {
      outcome = body.run();
    } catch (Throwable error) {
      for (Throwable at = error; at != null; at = at.getCause()) {
        if (at instanceof SQLException fault && fault.getErrorCode() == errno) return fault.getSQLState();
      }
      throw new AssertionError("expected error " + errno + ", got " + error);
    }
    throw new AssertionError("expected error " + errno + ", got " + outcome);
  }

  private static String shown(Object value) {
    if (!(value instanceof List<?> list)) return quoted(String.valueOf(value));
    return "[" + String.join(", ", list.stream().map(Check::shown).toList()) + "]";
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }
}
