// Go's database/sql over go-sql-driver/mysql. Its arguments travel in prepared statements unless InterpolateParams is set;
// both ways are run.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"conformance/check"

	"github.com/go-sql-driver/mysql"
)

var background = context.Background()

func open(change func(*mysql.Config)) *sql.DB {
	config := check.Config()
	if change != nil {
		change(config)
	}
	return sql.OpenDB(check.Must(mysql.NewConnector(config)))
}

func main() {
	check.Client("github.com/go-sql-driver/mysql")
	db := open(nil)
	defer db.Close()
	text := open(func(config *mysql.Config) { config.InterpolateParams = true })
	defer text.Close()

	check.Run("connect", "login", func() (any, error) {
		var name string
		var two int
		check.OK(db.QueryRow("SELECT DATABASE(), 1 + 1").Scan(&name, &two))
		check.Equal(two, 2)
		check.Equal(name, check.Config().DBName)
		return nil, nil
	})
	check.Run("connect", "wrong password", func() (any, error) {
		bad := open(func(config *mysql.Config) { config.Passwd = "wrong" })
		defer bad.Close()
		check.Fails(1045, bad.Ping())
		return nil, nil
	})
	check.Run("connect", "unknown database", func() (any, error) {
		bad := open(func(config *mysql.Config) { config.DBName = "no_such_database" })
		defer bad.Close()
		check.Fails(1049, bad.Ping())
		return nil, nil
	})
	check.Run("connect", "compression", func() (any, error) {
		other := open(func(config *mysql.Config) { check.OK(config.Apply(mysql.EnableCompression(true))) })
		defer other.Close()
		var value string
		check.OK(other.QueryRow("SELECT REPEAT('x', 200000)").Scan(&value))
		check.Equal(len(value), 200000)
		return nil, nil
	})

	check.Run("schema", "create tables", func() (any, error) {
		for _, statement := range []string{"DROP TABLE IF EXISTS books, authors, samples", check.Authors, check.Books, check.Samples} {
			check.Must(db.Exec(statement))
		}
		return nil, nil
	})
	check.Run("schema", "alter and truncate", func() (any, error) {
		for _, statement := range []string{
			"ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7", "CREATE INDEX extra ON authors (extra)",
			"INSERT INTO authors (id, name) VALUES (900, 'extra')", "ALTER TABLE authors DROP COLUMN extra",
			"DELETE FROM authors WHERE id = 900", "TRUNCATE TABLE samples",
		} {
			check.Must(db.Exec(statement))
		}
		return nil, nil
	})

	for _, way := range []struct {
		group string
		db    *sql.DB
		base  int64
	}{{"crud", text, 500}, {"prepared", db, 600}} {
		db, base := way.db, way.base
		check.Run(way.group, "insert gives an id", func() (any, error) {
			result := check.Must(db.Exec("INSERT INTO authors (name, born) VALUES (?, ?)", "Ada", time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)))
			id := check.Must(result.LastInsertId())
			var born string
			check.OK(db.QueryRow("SELECT born FROM authors WHERE id = ?", id).Scan(&born))
			check.Equal(born, "1815-12-10")
			check.Must(db.Exec("DELETE FROM authors WHERE id = ?", id))
			return nil, nil
		})
		check.Run(way.group, "insert, update, delete", func() (any, error) {
			inserted := check.Must(db.Exec("INSERT INTO authors (id, name, email) VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)",
				base+1, "Bob", "bob@x", base+2, "Cid", nil, base+3, "Dan", "dan@x"))
			check.Equal(check.Must(inserted.RowsAffected()), int64(3))
			for i := int64(0); i < 12; i++ {
				check.Must(db.Exec("INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)", base+1+i%3, fmt.Sprint("book ", i), i))
			}
			updated := check.Must(db.Exec("UPDATE authors SET score = score + ? WHERE id = ?", "1.25", base+1))
			check.Equal(check.Must(updated.RowsAffected()), int64(1))
			all := check.Must(db.Exec("UPDATE books SET price = price + ? WHERE author_id > ? AND title LIKE ?", 1, base, "book 1%"))
			check.Equal(check.Must(all.RowsAffected()), int64(3))
			deleted := check.Must(db.Exec("DELETE FROM books WHERE title = ?", "book 2"))
			check.Equal(check.Must(deleted.RowsAffected()), int64(1))
			return nil, nil
		})
		check.Run(way.group, "join and aggregate", func() (any, error) {
			rows := check.Must(db.Query(`SELECT a.name, COUNT(*), SUM(b.price) FROM authors a JOIN books b ON b.author_id = a.id
				WHERE a.id > ? AND a.id < ? GROUP BY a.id, a.name ORDER BY a.name`, base, base+4))
			defer rows.Close()
			seen := []string{}
			for rows.Next() {
				var name, total string
				var count int
				check.OK(rows.Scan(&name, &count, &total))
				seen = append(seen, fmt.Sprint(name, " ", count, " ", total))
			}
			check.Equal(seen, []string{"Bob 4 18.00", "Cid 4 24.00", "Dan 3 25.00"})
			return nil, rows.Err()
		})
		check.Run(way.group, "every type", func() (any, error) {
			check.Must(db.Exec("DELETE FROM samples"))
			check.Must(db.Exec("INSERT INTO samples VALUES (1, " + check.Sample + ")"))
			check.Must(db.Exec("INSERT INTO samples (id) VALUES (?)", 2))
			return [][]string{all(db, "SELECT * FROM samples WHERE id < ? ORDER BY id", 3), all(db, "SELECT * FROM samples WHERE id = ?", 1)}, nil
		})
		check.Run(way.group, "large value", func() (any, error) {
			value := []byte(strings.Repeat("0123456789", 300000))
			check.Must(db.Exec("INSERT INTO samples (id, long_bytes) VALUES (?, ?)", 3, value))
			var got []byte
			check.OK(db.QueryRow("SELECT long_bytes FROM samples WHERE id = ?", 3).Scan(&got))
			check.Equal(string(got) == string(value), true)
			return nil, nil
		})
	}
	check.Run("prepared", "one statement many times", func() (any, error) {
		statement := check.Must(db.Prepare("SELECT name FROM authors WHERE id = ?"))
		defer statement.Close()
		for i := 0; i < 200; i++ {
			var name string
			check.OK(statement.QueryRow(601 + i%3).Scan(&name))
			check.Equal(name, []string{"Bob", "Cid", "Dan"}[i%3])
		}
		return nil, nil
	})
	check.Run("prepared", "errors", func() (any, error) {
		_, err := db.Prepare("SELECT * FROM no_such_table WHERE a = ?")
		check.Fails(1146, err)
		_, err = db.Exec("INSERT INTO authors (id, name) VALUES (?, ?)", 601, "again")
		check.Fails(1062, err)
		return nil, nil
	})

	check.Run("transactions", "commit and rollback", func() (any, error) {
		count := func(name string) (n int) {
			check.OK(db.QueryRow("SELECT COUNT(*) FROM authors WHERE name = ?", name).Scan(&n))
			return n
		}
		tx := check.Must(db.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))
		check.Must(tx.Exec("UPDATE authors SET name = ? WHERE id IN (501, 502, 503)", "kept"))
		check.Equal(count("kept"), 0)
		check.OK(tx.Commit())
		check.Equal(count("kept"), 3)
		tx = check.Must(db.Begin())
		check.Must(tx.Exec("UPDATE authors SET name = ? WHERE id IN (501, 502, 503)", "lost"))
		check.OK(tx.Rollback())
		check.Equal(count("kept"), 3)
		return nil, nil
	})
	check.Run("transactions", "read only", func() (any, error) {
		tx := check.Must(db.BeginTx(background, &sql.TxOptions{ReadOnly: true}))
		_, err := tx.Exec("UPDATE authors SET name = 'no' WHERE id = 501")
		check.Fails(1792, err)
		return nil, tx.Rollback()
	})
	check.Run("transactions", "savepoints", func() (any, error) {
		tx := check.Must(db.Begin())
		check.Must(tx.Exec("UPDATE authors SET name = 'a' WHERE id = 501"))
		check.Must(tx.Exec("SAVEPOINT sp"))
		check.Must(tx.Exec("UPDATE authors SET name = 'b' WHERE id IN (502, 503)"))
		check.Must(tx.Exec("ROLLBACK TO SAVEPOINT sp"))
		check.OK(tx.Commit())
		check.Equal(all(db, "SELECT name FROM authors WHERE id IN (501, 502, 503) ORDER BY id"), []string{"name: a|kept|kept"})
		return nil, nil
	})

	check.Run("metadata", "columns of a result", func() (any, error) {
		seen := [][]string{}
		for _, one := range []*sql.DB{text, db} {
			rows := check.Must(one.Query("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?", 1))
			line := []string{}
			for _, column := range check.Must(rows.ColumnTypes()) {
				precision, scale, sized := column.DecimalSize()
				length, hasLength := column.Length()
				nullable, _ := column.Nullable()
				line = append(line, fmt.Sprint(column.Name(), " ", column.DatabaseTypeName(), " ", precision, scale, sized, length, hasLength, nullable, column.ScanType()))
			}
			rows.Close()
			seen = append(seen, line)
		}
		return seen, nil
	})
	check.Run("errors", "numbers and states", func() (any, error) {
		seen := []string{}
		for _, one := range []struct {
			number uint16
			sql    string
		}{
			{1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"}, {1064, "SELECT FROM WHERE"},
			{1146, "SELECT * FROM no_such_table"}, {1054, "SELECT no_such_column FROM authors"},
			{1048, "INSERT INTO authors (id, name) VALUES (999, NULL)"}, {1264, "INSERT INTO samples (id, tiny) VALUES (999, 1000)"},
		} {
			_, err := db.Exec(one.sql)
			seen = append(seen, check.Fails(one.number, err))
		}
		return seen, db.Ping()
	})
	check.Run("session", "several statements", func() (any, error) {
		many := open(func(config *mysql.Config) { config.MultiStatements = true })
		defer many.Close()
		rows := check.Must(many.Query("SELECT 1; SELECT 2, 3"))
		defer rows.Close()
		sets := 1
		for rows.NextResultSet() {
			sets++
		}
		check.Equal(sets, 2)
		return nil, rows.Err()
	})
	check.Run("session", "variables and charset of the login", func() (any, error) {
		other := open(func(config *mysql.Config) {
			config.Params = map[string]string{"sql_mode": "'ANSI_QUOTES'", "time_zone": "'+05:00'"}
			config.ParseTime = true
			config.Loc = time.FixedZone("", 5*3600)
		})
		defer other.Close()
		var stamp time.Time
		check.OK(other.QueryRow(`SELECT "stamp" FROM samples WHERE id = 1`).Scan(&stamp))
		check.Equal(stamp.UTC().Format(time.RFC3339), "2024-07-01T12:00:00Z")
		return nil, nil
	})
	check.Run("session", "load local data", func() (any, error) {
		mysql.RegisterReaderHandler("rows", func() io.Reader { return strings.NewReader("701,a\n702,b\n703,c\n") })
		result := check.Must(db.Exec("LOAD DATA LOCAL INFILE 'Reader::rows' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)"))
		check.Equal(check.Must(result.RowsAffected()), int64(3))
		return nil, nil
	})
	check.Run("reconnect", "killed connection", func() (any, error) {
		one := check.Must(db.Conn(background))
		var id int64
		check.OK(one.QueryRowContext(background, "SELECT CONNECTION_ID()").Scan(&id))
		check.Must(text.Exec(fmt.Sprint("KILL ", id)))
		time.Sleep(200 * time.Millisecond)
		if err := one.PingContext(background); err == nil {
			return nil, errors.New("the killed connection still answers")
		}
		one.Close()
		for i := 0; i < 5; i++ {
			check.OK(db.Ping())
		}
		return nil, nil
	})
	check.Run("reconnect", "cancelled query", func() (any, error) {
		short, cancel := context.WithTimeout(background, 300*time.Millisecond)
		defer cancel()
		_, err := db.ExecContext(short, "SELECT SLEEP(20)")
		check.Equal(errors.Is(err, context.DeadlineExceeded), true)
		return nil, db.Ping()
	})
}

// all gives each column's values in one line.
func all(db *sql.DB, query string, args ...any) []string {
	rows := check.Must(db.Query(query, args...))
	defer rows.Close()
	names := check.Must(rows.Columns())
	lines := make([]string, len(names))
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		check.OK(rows.Scan(values...))
		for i, value := range values {
			cell := *(value.(*any))
			if bytes, ok := cell.([]byte); ok {
				cell = string(bytes)
			}
			if lines[i] != "" {
				lines[i] += "|"
			}
			lines[i] += fmt.Sprint(cell)
		}
	}
	check.OK(rows.Err())
	for i, name := range names {
		lines[i] = name + ": " + lines[i]
	}
	return lines
}
