// Package check is what both Go programs of the conformance matrix share: the server to speak to, from the environment, and
// checks that print one JSON line each.
package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"

	"github.com/go-sql-driver/mysql"
)

// Authors, Books and Samples are the tables; Sample is a row of literals for the last, without its id.
const (
	Authors = `CREATE TABLE authors (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80), born DATE,
  score DECIMAL(10,2) NOT NULL DEFAULT 0, created DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), KEY name (name))`
	Books = `CREATE TABLE books (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, title VARCHAR(120) NOT NULL,
  price DECIMAL(8,2), KEY author (author_id), CONSTRAINT books_author FOREIGN KEY (author_id) REFERENCES authors (id))`
	Samples = `CREATE TABLE samples (
  id BIGINT NOT NULL PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, whole INT,
  big BIGINT UNSIGNED, exact DECIMAL(20,6), single FLOAT, twice DOUBLE, day DATE, clock TIME(3), moment DATETIME(6),
  stamp TIMESTAMP NULL, year YEAR, letters CHAR(5), text VARCHAR(60), long_text TEXT, bytes VARBINARY(20),
  long_bytes LONGBLOB, document JSON, choice ENUM('small','large'), choices SET('a','b','c'), bits BIT(12), flag BOOLEAN)`
	Sample = `-128, 65535, -8388608, 2147483647, 18446744073709551615, 12345678901234.567891, 1.5, -2.5e300,
  '2024-02-29', '-838:59:58.999', '1999-12-31 23:59:59.999999', '2024-07-01 12:00:00', 2026, 'abc', 'žluťoučký 😀',
  'long text', X'00ff7f80', X'0001feff', '{"a": [1, 2, {"b": null}]}', 'large', 'a,c', b'101010101010', TRUE`
)

// Config is a login as the environment says.
func Config() *mysql.Config {
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = os.Getenv("CONFORMANCE_HOST") + ":" + os.Getenv("CONFORMANCE_PORT")
	config.User = os.Getenv("CONFORMANCE_USER")
	config.Passwd = os.Getenv("CONFORMANCE_PASSWORD")
	config.DBName = os.Getenv("CONFORMANCE_DATABASE")
	return config
}

// Client says which version of the module runs.
func Client(module string) {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				version = dependency.Version
			}
		}
	}
	emit(map[string]any{"version": version})
}

// Run runs a check; what body returns is compared between the servers, its error or panic makes the check fail.
func Run(group, name string, body func() (any, error)) {
	line := map[string]any{"group": group, "check": name, "ok": true}
	defer func() {
		if fault := recover(); fault != nil {
			line["ok"], line["detail"] = false, fmt.Sprint(fault)
		}
		emit(line)
	}()
	seen, err := body()
	if err != nil {
		line["ok"], line["detail"] = false, err.Error()
	} else if seen != nil {
		line["seen"] = seen
	}
}

// Must panics with an error, which makes the check fail.
func Must[T any](value T, err error) T {
	OK(err)
	return value
}

// OK panics with an error, which makes the check fail.
func OK(err error) {
	if err != nil {
		panic(err)
	}
}

// Equal panics unless both are deeply equal.
func Equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("got %#v, expected %#v", actual, expected))
	}
}

// Fails panics unless err is this error of the server; it gives the SQLSTATE.
func Fails(number uint16, err error) string {
	var fault *mysql.MySQLError
	if !errors.As(err, &fault) || fault.Number != number {
		panic(fmt.Sprintf("expected error %d, got %v", number, err))
	}
	return string(fault.SQLState[:])
}

func emit(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		text, _ = json.Marshal(map[string]any{"group": line["group"], "check": line["check"], "ok": false, "detail": err.Error()})
	}
	fmt.Println(string(text))
}
