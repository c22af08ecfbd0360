# SQLAlchemy over PyMySQL: metadata, reflection, ORM sessions with relations, Core statements, savepoints.

import datetime
import decimal

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects.mysql import insert as mysql_insert

from check import DATABASE, HOST, PASSWORD, PORT, USER, check, client, equal, fails

client("SQLAlchemy")

url = sa.URL.create("mysql+pymysql", USER, PASSWORD, HOST, PORT, DATABASE, {"charset": "utf8mb4"})
engine = sa.create_engine(url, pool_pre_ping=True)


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(60), index=True)
    email: orm.Mapped[str | None] = orm.mapped_column(sa.String(80))
    score: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(10, 2), server_default="0")
    born: orm.Mapped[datetime.date | None]
    tags: orm.Mapped[list | None] = orm.mapped_column(sa.JSON)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id"))
    title: orm.Mapped[str] = orm.mapped_column(sa.String(120))
    price: orm.Mapped[decimal.Decimal | None] = orm.mapped_column(sa.Numeric(8, 2))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


@check("connect", "login")
def _():
    with engine.connect() as one:
        equal(one.scalar(sa.text("SELECT DATABASE()")), DATABASE)


@check("connect", "wrong password")
def _():
    bad = sa.create_engine(url.set(password="wrong"))
    fails(1045, bad.connect)


@check("schema", "create all")
def _():
    with engine.begin() as one:
        one.execute(sa.text("DROP TABLE IF EXISTS books, authors"))
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)


@check("schema", "alter")
def _():
    with engine.begin() as one:
        one.execute(sa.text("ALTER TABLE authors ADD COLUMN extra INTEGER"))
        one.execute(sa.text("ALTER TABLE authors DROP COLUMN extra"))
    index = sa.Index("by_title", Book.__table__.c.title)
    index.create(engine)
    index.drop(engine)


@check("crud", "add and flush")
def _():
    with orm.Session(engine) as session:
        for i in range(4):
            author = Author(name=f"author {i}", born=datetime.date(1990 + i, 2, 28), tags=["žluť", i])
            author.books = [Book(title=f"book {i} {j}", price=None if j == 2 else i + j) for j in range(3)]
            session.add(author)
        session.commit()
        equal(session.scalar(sa.select(sa.func.count()).select_from(Book)), 12)


@check("crud", "select with relations")
def _():
    with orm.Session(engine) as session:
        query = sa.select(Author).where(Author.books.any(Book.price > 2)).order_by(Author.name.desc())
        found = session.scalars(query.options(orm.selectinload(Author.books))).all()
        equal([(author.name, len(author.books), author.tags) for author in found],
              [("author 3", 3, ["žluť", 3]), ("author 2", 3, ["žluť", 2])])
        joined = sa.select(Author).options(orm.joinedload(Author.books)).order_by(Author.name)
        equal([len(author.books) for author in session.scalars(joined).unique()], [3, 3, 3, 3])


@check("crud", "group, window, common table expression")
def _():
    with engine.connect() as one:
        total = sa.func.sum(Book.price).label("total")
        query = sa.select(Author.name, total).join(Book).group_by(Author.id, Author.name).having(total > 2).order_by(total)
        equal([(name, str(value)) for name, value in one.execute(query)],
              [("author 1", "3.00"), ("author 2", "5.00"), ("author 3", "7.00")])
        ranked = sa.select(Book.title, sa.func.row_number().over(order_by=Book.title).label("n")).cte("ranked")
        equal(one.scalars(sa.select(ranked.c.title).where(ranked.c.n == 5)).all(), ["book 1 1"])


@check("crud", "update, upsert, delete")
def _():
    with orm.Session(engine) as session:
        one = session.scalars(sa.select(Author).where(Author.name == "author 1")).one()
        one.email = "new@x"
        session.commit()
        equal(session.execute(sa.update(Book).where(Book.price > 2).values(price=Book.price + 1)).rowcount, 3)
        session.execute(mysql_insert(Author).values(id=one.id, name="x").on_duplicate_key_update(name="renamed"))
        session.commit()
        equal((one.name, one.email), ("renamed", "new@x"))
        session.delete(one)
        session.commit()
        book = session.scalars(sa.select(Book).where(Book.title == "book 0 0")).one()
        book.title = "saved"
        session.commit()
        equal(session.scalar(sa.select(sa.func.count()).select_from(Book)), 9)


@check("crud", "insert many")
def _():
    with engine.begin() as one:
        one.execute(sa.insert(Author), [{"id": 500 + i, "name": f"many {i}"} for i in range(1, 4)])
        equal(one.execute(sa.delete(Author).where(Author.name.like("many%"))).rowcount, 3)


@check("crud", "rows one after the other")
def _():
    with engine.connect().execution_options(stream_results=True, yield_per=4) as one:
        equal(sum(1 for _ in one.execute(sa.select(Book.id))), 9)


@check("transactions", "savepoints and rollback")
def _():
    with orm.Session(engine) as session:
        session.execute(sa.update(Author).values(name="kept"))
        with session.begin_nested() as nested:
            session.execute(sa.update(Author).values(name="inner"))
            nested.rollback()
        session.commit()
        session.execute(sa.update(Author).values(name="lost"))
        session.rollback()
        equal(session.scalars(sa.select(Author.name)).all(), ["kept"] * 3)


@check("transactions", "isolation and locks")
def _():
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as one:
        equal(one.get_isolation_level(), "READ COMMITTED")
        equal(len(one.execute(sa.select(Author.id).with_for_update()).all()), 3)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
        one.execute(sa.text("UPDATE authors SET email = 'auto'"))
    with engine.connect() as one:
        equal(one.scalar(sa.text("SELECT COUNT(*) FROM authors WHERE email = 'auto'")), 3)


@check("transactions", "two phases")
def _():
    with engine.connect() as one:
        transaction = one.begin_twophase()
        one.execute(sa.text("UPDATE authors SET email = 'xa'"))
        transaction.prepare()
        transaction.commit()
    with engine.connect() as one:
        equal(one.scalar(sa.text("SELECT COUNT(*) FROM authors WHERE email = 'xa'")), 3)


@check("metadata", "reflection")
def _():
    inspector = sa.inspect(engine)
    columns = [(c["name"], str(c["type"]), c["nullable"], c.get("autoincrement")) for t in ("authors", "books")
               for c in inspector.get_columns(t)]
    keys = [(k["constrained_columns"], k["referred_table"], k["referred_columns"]) for k in inspector.get_foreign_keys("books")]
    indexes = [(i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes("authors")]
    tables = [name for name in inspector.get_table_names() if name in ("authors", "books")]
    reflected = sa.MetaData()
    reflected.reflect(engine, only=["books", "authors"])
    return [columns, keys, indexes, tables, sorted(reflected.tables), inspector.get_pk_constraint("books")["constrained_columns"]]


@check("errors", "classes")
def _():
    with orm.Session(engine) as session:
        id = session.scalars(sa.select(Author.id).limit(1)).one()
        error = fails(1062, lambda: session.execute(sa.insert(Author).values(id=id, name="again")))
        equal(type(error).__name__, "IntegrityError")
        session.rollback()
        error = fails(1146, lambda: session.execute(sa.text("SELECT * FROM no_such_table")))
        equal(type(error).__name__, "ProgrammingError")


@check("reconnect", "pool tries the connection first")
def _():
    with engine.connect() as one:
        id = one.scalar(sa.text("SELECT CONNECTION_ID()"))
    other = sa.create_engine(url)
    with other.connect() as one:
        one.execute(sa.text(f"KILL {id}"))
    with engine.connect() as one:
        equal(one.scalar(sa.select(sa.func.count()).select_from(Author)), 3)
