// Hibernate: schema made from the mappings, sessions, queries, optimistic locks, batches, over JDBC with server-side
// prepared statements.

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.LockModeType;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.OrderBy;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.Configuration;

public final class HibernateClient {
  @Entity(name = "Author")
  @Table(name = "authors")
  public static class Author {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    @Column(nullable = false, length = 60) String name;
    LocalDate born;
    @Column(precision = 10, scale = 2) BigDecimal score;
    @Version int version;
    @OneToMany(mappedBy = "author") @OrderBy("title") List<Book> books = new ArrayList<>();
  }

  @Entity(name = "Book")
  @Table(name = "books")
  public static class Book {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    @ManyToOne(optional = false) @JoinColumn(name = "author_id", nullable = false) Author author;
    @Column(nullable = false, length = 120) String title;
    @Column(precision = 8, scale = 2) BigDecimal price;
  }

  public static void main(String[] args) {
    java.util.logging.LogManager.getLogManager().reset();
    Check.client(org.hibernate.Version.getVersionString());
    SessionFactory[] made = new SessionFactory[1];
    Check.check("connect", "login", () -> {
      made[0] = factory("none");
      made[0].inSession(session -> Check.equal(session.createNativeQuery("SELECT 1 + 1", Integer.class).getSingleResult(), 2));
      return null;
    });
    if (made[0] == null) return;
    Check.check("schema", "create from mappings", () -> {
      made[0].inTransaction(session -> {
        session.createNativeMutationQuery("DROP TABLE IF EXISTS books").executeUpdate();
        session.createNativeMutationQuery("DROP TABLE IF EXISTS authors").executeUpdate();
      });
      made[0].close();
      made[0] = factory("update");
      return null;
    });
    Check.check("schema", "validate", () -> {
      made[0].close();
      made[0] = factory("validate");
      return null;
    });
    SessionFactory factory = made[0];
    Check.check("crud", "persist and find", () -> {
      Long[] id = new Long[1];
      factory.inTransaction(session -> {
        for (int i = 0; i < 5; i++) {
          Author author = new Author();
          author.name = "author " + i;
          author.born = LocalDate.of(1990 + i, 2, 28);
          author.score = new BigDecimal(i);
          session.persist(author);
          for (int j = 0; j < 3; j++) {
            Book book = new Book();
            book.author = author;
            book.title = "book " + j;
            book.price = new BigDecimal(j + 1);
            session.persist(book);
          }
          id[0] = author.id;
        }
      });
      factory.inTransaction(session -> {
        Author author = session.find(Author.class, id[0]);
        Check.equal(author.books.size(), 3);
        Check.equal(author.born, LocalDate.of(1994, 2, 28));
      });
      return null;
    });
    Check.check("crud", "dirty update", () -> {
      factory.inTransaction(session -> named(session, "author 1").score = new BigDecimal("7.50"));
      factory.inTransaction(session -> Check.equal(named(session, "author 1").score, new BigDecimal("7.50")));
      return null;
    });
    Check.check("crud", "update and delete by query", () -> {
      factory.inTransaction(session -> {
        Check.equal(session.createMutationQuery("update Book b set b.price = b.price + 1 where b.price > 1").executeUpdate(), 10);
        Check.equal(session.createMutationQuery("delete from Book b where b.title = 'book 0'").executeUpdate(), 5);
      });
      return null;
    });
    Check.check("crud", "remove", () -> {
      factory.inTransaction(session -> {
        Author author = named(session, "author 4");
        author.books.forEach(session::remove);
        session.remove(author);
      });
      factory.inTransaction(session -> Check.equal(session.createQuery("select count(*) from Book", Long.class).getSingleResult(), 8L));
      return null;
    });
    Check.check("prepared", "queries with parameters", () -> {
      factory.inTransaction(session -> {
        List<String> names = session.createQuery("select a.name from Author a where a.score >= :least order by a.name desc", String.class).setParameter("least", BigDecimal.ONE).setMaxResults(2).getResultList();
        Check.equal(names, List.of("author 3", "author 2"));
        List<Object[]> totals = session.createQuery("select a.name, count(b), sum(b.price) from Author a join a.books b group by a.id, a.name order by a.name", Object[].class).getResultList();
        Check.equal(totals.size(), 4);
        Check.equal(totals.get(0)[2], new BigDecimal("7.00"));
        Check.equal(session.createQuery("from Author a join fetch a.books where a.name in (:names)", Author.class).setParameterList("names", List.of("author 0", "author 1")).getResultList().size(), 2);
      });
      return null;
    });
    Check.check("transactions", "rollback", () -> {
      try {
        factory.inTransaction(session -> {
          named(session, "author 0").name = "lost";
          session.flush();
          throw new IllegalStateException("no");
        });
      } catch (IllegalStateException expected) {
        factory.inTransaction(session -> Check.equal(named(session, "author 0").name, "author 0"));
        return null;
      }
      throw new AssertionError("no exception");
    });
    Check.check("transactions", "locks", () -> {
      factory.inTransaction(session -> {
        Author author = named(session, "author 0");
        session.lock(author, LockModeType.PESSIMISTIC_WRITE);
        author.name = "locked";
      });
      return null;
    });
    Check.check("transactions", "optimistic lock", () -> {
      try {
        factory.inTransaction(outer -> {
          Author author = named(outer, "author 2");
          factory.inTransaction(inner -> named(inner, "author 2").score = new BigDecimal("9.00"));
          author.score = new BigDecimal("8.00");
        });
      } catch (jakarta.persistence.OptimisticLockException expected) {
        return null;
      }
      throw new AssertionError("a stale row was written");
    });
    Check.check("errors", "constraint", () -> {
      Check.fails(1048, () -> {
        factory.inTransaction(session -> session.createNativeMutationQuery("INSERT INTO books (author_id, title) VALUES (1, NULL)").executeUpdate());
        return null;
      });
      return null;
    });
    Check.check("reconnect", "after a killed connection", () -> {
      factory.inSession(session -> {
        Object id = session.createNativeQuery("SELECT CONNECTION_ID()", Object.class).getSingleResult();
        try {
          factory.inTransaction(other -> other.createNativeMutationQuery("KILL " + id).executeUpdate());
        } catch (RuntimeException own) {
          // The pool gave the same connection.
        }
      });
      for (int tries = 0; ; tries++) {
        try {
          factory.inTransaction(session -> session.createQuery("select count(*) from Author", Long.class).getSingleResult());
          return null;
        } catch (RuntimeException error) {
          if (tries == 5) throw error;
        }
      }
    });
    factory.close();
  }

  private static Author named(Session session, String name) {
    return session.createQuery("from Author a where a.name = :name", Author.class).setParameter("name", name).getSingleResult();
  }

  private static SessionFactory factory(String schema) {
    return new Configuration()
        .addAnnotatedClass(Author.class)
        .addAnnotatedClass(Book.class)
        .setProperty("hibernate.connection.url", "jdbc:mariadb://" + Check.HOST + ":" + Check.PORT + "/" + Check.DATABASE + "?useServerPrepStmts=true&sslMode=disable")
        .setProperty("hibernate.connection.username", Check.USER)
        .setProperty("hibernate.connection.password", Check.PASSWORD)
        .setProperty("hibernate.hbm2ddl.auto", schema)
        .setProperty("hibernate.jdbc.batch_size", "10")
        .buildSessionFactory();
  }
}
