// The rows of the matrix: every client with the folder of its script, how that is made ready and how it is run. Knows
// nothing of servers. Commands run in a copy of the folder in the cache directory, with what was installed there.

/** What makes a folder ready: packages of a language, or a compiler. */
export type Preparation = "none" | "npm" | "python" | "go" | "cargo" | "maven" | "c";

export interface Client {
  /** As the matrix shows it, and as run.ts takes it in arguments. */
  readonly name: string;
  readonly language: string;
  /** Below clients/. */
  readonly folder: string;
  readonly preparation: Preparation;
  readonly command: readonly string[];
  /** Tried before anything else: the client is absent when it fails. */
  readonly probe: readonly string[];
}

const NODE: readonly string[] = ["node", "--version"];
const PYTHON: readonly string[] = ["python3", "-c", "import venv, ssl"];
const GO: readonly string[] = ["go", "version"];
const CARGO: readonly string[] = ["cargo", "--version"];
const MAVEN: readonly string[] = ["sh", "-c", "mvn -v && javac -version"];

export const CLIENTS: readonly Client[] = [
  npm("mysql2", "node-mysql2"),
  npm("mariadb (Node.js)", "node-mariadb"),
  npm("knex", "knex"),
  npm("kysely", "kysely"),
  npm("drizzle-orm", "drizzle"),
  npm("typeorm", "typeorm"),
  npm("sequelize", "sequelize"),
  npm("mikro-orm", "mikro-orm"),
  npm("prisma", "prisma"),
  python("PyMySQL", "pymysql_client.py"),
  python("mysqlclient", "mysqlclient_client.py"),
  python("mysql-connector-python", "connector_client.py"),
  python("SQLAlchemy", "sqlalchemy_client.py"),
  python("Django", "django_client.py"),
  java("mysql-connector-j", "Jdbc", "mysql"),
  java("mariadb-java-client", "Jdbc", "mariadb"),
  java("Hibernate", "HibernateClient", "mariadb"),
  go("go-sql-driver/mysql", "driver"),
  go("GORM", "gorm"),
  rust("sqlx", "sqlx"),
  rust("mysql_async", "mysql_async"),
  script(
    "mysqli",
    "PHP",
    "php",
    ["php", "-d", "mysqli.allow_local_infile=1", "mysqli.php"],
    ["php", "-r", "exit(extension_loaded('mysqli') ? 0 : 1);"],
  ),
  script("PDO", "PHP", "php", ["php", "pdo.php"], ["php", "-r", "exit(extension_loaded('pdo_mysql') ? 0 : 1);"]),
  script("DBD::mysql", "Perl", "perl", ["perl", "dbd.pl", "mysql"], ["perl", "-MDBD::mysql", "-MJSON::PP", "-e1"]),
  script(
    "DBD::MariaDB",
    "Perl",
    "perl",
    ["perl", "dbd.pl", "MariaDB"],
    ["perl", "-MDBD::MariaDB", "-MJSON::PP", "-e1"],
  ),
  script("mysql2 (Ruby)", "Ruby", "ruby", ["ruby", "mysql2_client.rb"], ["ruby", "-e", "require 'mysql2'"]),
  {
    name: "libmariadb",
    language: "C",
    folder: "c",
    preparation: "c",
    command: ["./client"],
    probe: ["sh", "-c", "gcc --version && mariadb_config --version"],
  },
  script("mariadb", "command line", "tools", ["bash", "mariadb.sh"], ["mariadb", "--version"]),
  script("mariadb-dump", "command line", "tools", ["bash", "dump.sh"], ["mariadb-dump", "--version"]),
  script("mydumper and myloader", "command line", "tools", ["bash", "mydumper.sh"], ["mydumper", "--version"]),
  script("mysqlslap", "command line", "tools", ["bash", "slap.sh"], ["mariadb-slap", "--version"]),
  script("sysbench", "command line", "tools", ["bash", "sysbench.sh"], ["sysbench", "--version"]),
];

function npm(name: string, folder: string): Client {
  return { name, language: "Node.js", folder, preparation: "npm", command: ["node", "main.mjs"], probe: NODE };
}

function python(name: string, file: string): Client {
  const command = ["venv/bin/python", file];
  return { name, language: "Python", folder: "python", preparation: "python", command, probe: PYTHON };
}

function java(name: string, main: string, scheme: string): Client {
  const command = ["java", "-Xmx256m", "-cp", "lib/*:classes", main, scheme];
  return { name, language: "Java", folder: "java", preparation: "maven", command, probe: MAVEN };
}

function go(name: string, program: string): Client {
  return { name, language: "Go", folder: "go", preparation: "go", command: [`./bin/${program}`], probe: GO };
}

function rust(name: string, program: string): Client {
  const command = [`./target/debug/${program}`];
  return { name, language: "Rust", folder: "rust", preparation: "cargo", command, probe: CARGO };
}

function script(
  name: string,
  language: string,
  folder: string,
  command: readonly string[],
  probe: readonly string[],
): Client {
  return { name, language, folder, preparation: "none", command, probe };
}
