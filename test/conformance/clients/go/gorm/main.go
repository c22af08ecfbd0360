// GORM: migrations, models, associations, transactions, with prepared statements kept and without.
package main

import (
	"errors"
	"fmt"

	"conformance/check"

	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// Author is a row of authors.
type Author struct {
	ID    int64   `gorm:"primaryKey;autoIncrement"`
	Name  string  `gorm:"size:60;not null;index"`
	Email *string `gorm:"size:80"`
	Score float64 `gorm:"type:decimal(10,2);not null;default:0"`
	Books []Book  `gorm:"foreignKey:AuthorID"`
}

// Book is a row of books.
type Book struct {
	ID       int64  `gorm:"primaryKey;autoIncrement"`
	AuthorID int64  `gorm:"not null;index"`
	Title    string `gorm:"size:120;not null"`
	Price    *float64
}

func main() {
	check.Client("gorm.io/gorm")
	var db, prepared *gorm.DB
	check.Run("connect", "login", func() (any, error) {
		db, prepared = open(false), open(true)
		var one int
		check.OK(db.Raw("SELECT 1").Scan(&one).Error)
		check.Equal(one, 1)
		return nil, nil
	})
	check.Run("schema", "migrate", func() (any, error) {
		check.OK(db.Migrator().DropTable(&Book{}, &Author{}))
		check.OK(db.AutoMigrate(&Author{}, &Book{}))
		check.OK(db.AutoMigrate(&Author{}, &Book{}))
		check.Equal(db.Migrator().HasTable(&Book{}), true)
		check.Equal(db.Migrator().HasColumn(&Author{}, "score"), true)
		return nil, nil
	})
	check.Run("schema", "add and drop a column", func() (any, error) {
		type authorsMore struct {
			Extra int `gorm:"column:extra;default:7"`
		}
		check.OK(db.Table("authors").Migrator().AddColumn(&authorsMore{}, "Extra"))
		check.OK(db.Table("authors").Migrator().DropColumn(&authorsMore{}, "Extra"))
		return nil, nil
	})
	for _, way := range []struct {
		group string
		db    *gorm.DB
	}{{"crud", db}, {"prepared", prepared}} {
		db := way.db
		check.Run(way.group, "create with associations", func() (any, error) {
			check.OK(db.Exec("DELETE FROM books").Error)
			check.OK(db.Exec("DELETE FROM authors").Error)
			price := 2.5
			authors := []Author{}
			for i := 0; i < 5; i++ {
				authors = append(authors, Author{Name: fmt.Sprint("author ", i), Books: []Book{{Title: "one", Price: &price}, {Title: "two"}}})
			}
			check.OK(db.Create(&authors).Error)
			ids := map[int64]bool{}
			for _, author := range authors {
				ids[author.ID] = true
				check.Equal(author.Books[0].AuthorID, author.ID)
			}
			check.Equal(len(ids), 5)
			return nil, nil
		})
		check.Run(way.group, "find and preload", func() (any, error) {
			var authors []Author
			check.OK(db.Preload("Books", func(tx *gorm.DB) *gorm.DB { return tx.Order("title") }).Where("name <> ?", "author 4").Order("name DESC").Limit(3).Find(&authors).Error)
			seen := []string{}
			for _, author := range authors {
				seen = append(seen, fmt.Sprint(author.Name, " ", len(author.Books), " ", author.Books[0].Title))
			}
			check.Equal(seen, []string{"author 3 2 one", "author 2 2 one", "author 1 2 one"})
			return nil, nil
		})
		check.Run(way.group, "joins and groups", func() (any, error) {
			var counts []struct {
				Name  string
				Total float64
			}
			check.OK(db.Model(&Author{}).Select("authors.name, SUM(books.price) AS total").Joins("JOIN books ON books.author_id = authors.id").Group("authors.id, authors.name").Order("authors.name").Scan(&counts).Error)
			check.Equal(len(counts), 5)
			check.Equal(counts[0].Total, 2.5)
			return nil, nil
		})
		check.Run(way.group, "update, upsert, delete", func() (any, error) {
			var author Author
			check.OK(db.Where("name = ?", "author 2").First(&author).Error)
			check.OK(db.Model(&author).Updates(map[string]any{"score": 4.5, "email": "a@x"}).Error)
			result := db.Model(&Book{}).Where("price > ?", 1).Update("price", gorm.Expr("price + ?", 1))
			check.OK(result.Error)
			check.Equal(result.RowsAffected, int64(5))
			check.OK(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Author{ID: author.ID, Name: "renamed"}).Error)
			var again Author
			check.OK(db.First(&again, author.ID).Error)
			check.Equal(again.Name, "renamed")
			deleted := db.Where("author_id = ?", author.ID).Delete(&Book{})
			check.OK(deleted.Error)
			check.Equal(deleted.RowsAffected, int64(2))
			check.OK(db.Delete(&again).Error)
			check.Equal(errors.Is(db.First(&again, author.ID).Error, gorm.ErrRecordNotFound), true)
			return nil, nil
		})
		check.Run(way.group, "save by primary key", func() (any, error) {
			var book Book
			check.OK(db.Order("id").First(&book).Error)
			book.Title = "saved"
			check.OK(db.Save(&book).Error)
			var count int64
			check.OK(db.Model(&Book{}).Where("title = ?", "saved").Count(&count).Error)
			check.Equal(count, int64(1))
			return nil, nil
		})
		check.Run(way.group, "find in batches", func() (any, error) {
			var books []Book
			seen := 0
			check.OK(db.FindInBatches(&books, 3, func(tx *gorm.DB, batch int) error {
				seen += len(books)
				return nil
			}).Error)
			check.Equal(seen, 8)
			return nil, nil
		})
	}
	check.Run("transactions", "commit, rollback, nested", func() (any, error) {
		check.OK(db.Transaction(func(tx *gorm.DB) error {
			check.OK(tx.Create(&Author{Name: "outer"}).Error)
			_ = tx.Transaction(func(inner *gorm.DB) error {
				check.OK(inner.Create(&Author{Name: "inner"}).Error)
				return errors.New("no")
			})
			return nil
		}))
		_ = db.Transaction(func(tx *gorm.DB) error {
			check.OK(tx.Create(&Author{Name: "lost"}).Error)
			return errors.New("no")
		})
		var names []string
		check.OK(db.Model(&Author{}).Where("name IN ?", []string{"outer", "inner", "lost"}).Pluck("name", &names).Error)
		check.Equal(names, []string{"outer"})
		return nil, nil
	})
	check.Run("transactions", "locking", func() (any, error) {
		return nil, db.Transaction(func(tx *gorm.DB) error {
			var author Author
			return tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("name = ?", "outer").First(&author).Error
		})
	})
	check.Run("metadata", "column types", func() (any, error) {
		seen := []string{}
		for _, column := range check.Must(db.Migrator().ColumnTypes(&Author{})) {
			length, _ := column.Length()
			nullable, _ := column.Nullable()
			primary, _ := column.PrimaryKey()
			seen = append(seen, fmt.Sprint(column.Name(), " ", column.DatabaseTypeName(), " ", length, nullable, primary))
		}
		return seen, nil
	})
	check.Run("errors", "translated", func() (any, error) {
		var author Author
		check.OK(db.Order("id").First(&author).Error)
		err := db.Create(&Author{ID: author.ID, Name: "again"}).Error
		check.Fails(1062, err)
		check.Fails(1146, db.Exec("SELECT * FROM no_such_table").Error)
		return nil, nil
	})
	check.Run("reconnect", "killed connection", func() (any, error) {
		var id int64
		check.OK(db.Raw("SELECT CONNECTION_ID()").Scan(&id).Error)
		check.OK(prepared.Exec(fmt.Sprint("KILL ", id)).Error)
		for i := 0; i < 5; i++ {
			var count int64
			check.OK(db.Model(&Author{}).Count(&count).Error)
		}
		return nil, nil
	})
}

func open(prepare bool) *gorm.DB {
	config := check.Config()
	config.ParseTime = true
	db := check.Must(gorm.Open(mysql.Open(config.FormatDSN()), &gorm.Config{PrepareStmt: prepare, Logger: logger.Default.LogMode(logger.Silent)}))
	pool := check.Must(db.DB())
	pool.SetMaxIdleConns(1)
	return db
}
