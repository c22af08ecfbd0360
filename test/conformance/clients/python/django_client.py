# Django over mysqlclient: migrations, models, querysets, atomic blocks, introspection.

import datetime
import decimal
import sys
import tempfile
import types
from pathlib import Path

import django
from django.conf import settings

from check import DATABASE, HOST, PASSWORD, PORT, USER, check, client, equal, errno_of

client("Django")

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.mysql", "NAME": DATABASE, "HOST": HOST, "PORT": PORT, "USER": USER,
            "PASSWORD": PASSWORD, "OPTIONS": {"charset": "utf8mb4", "isolation_level": "read committed"},
            "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["library"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    MIGRATION_MODULES={"library": "library_migrations"},
)
folder = Path(tempfile.mkdtemp())
(folder / "library_migrations").mkdir()
(folder / "library_migrations/__init__.py").write_text("")
sys.path.insert(0, str(folder))
library = types.ModuleType("library")
library.__path__ = [str(folder)]
library.__file__ = str(folder / "library.py")
sys.modules["library"] = library
(folder / "models.py").write_text("")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, ProgrammingError, connection, models, transaction  # noqa: E402


class Author(models.Model):
    name = models.CharField(max_length=60, db_index=True)
    email = models.CharField(max_length=80, null=True)
    score = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    born = models.DateField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    tags = models.JSONField(null=True)

    class Meta:
        app_label = "library"
        db_table = "authors"


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE, related_name="books", db_column="author_id")
    title = models.CharField(max_length=120)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)

    class Meta:
        app_label = "library"
        db_table = "books"


def raw(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


@check("connect", "login")
def _():
    equal(raw("SELECT DATABASE()"), ((DATABASE,),))
    equal(connection.mysql_is_mariadb, True)


@check("schema", "make and run migrations")
def _():
    raw("DROP TABLE IF EXISTS books")
    raw("DROP TABLE IF EXISTS authors")
    raw("DROP TABLE IF EXISTS django_migrations")
    call_command("makemigrations", "library", verbosity=0)
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)


@check("schema", "alter")
def _():
    field = models.IntegerField(default=7)
    field.set_attributes_from_name("extra")
    with connection.schema_editor() as editor:
        editor.add_field(Author, field)
        editor.remove_field(Author, field)


@check("crud", "create")
def _():
    for i in range(4):
        author = Author.objects.create(name=f"author {i}", born=datetime.date(1990 + i, 2, 28), tags={"n": [i, "ž"]})
        Book.objects.bulk_create(Book(author=author, title=f"book {i} {j}", price=None if j == 2 else i + j) for j in range(3))
    equal((Author.objects.count(), Book.objects.count()), (4, 12))


@check("crud", "filter, prefetch, related")
def _():
    found = Author.objects.filter(books__price__gt=2).distinct().order_by("-name").prefetch_related("books")
    equal([(author.name, len(author.books.all()), author.tags) for author in found],
          [("author 3", 3, {"n": [3, "ž"]}), ("author 2", 3, {"n": [2, "ž"]})])
    equal([book.author.name for book in Book.objects.select_related("author").filter(price__isnull=True).order_by("title")[:2]],
          ["author 0", "author 1"])
    equal(list(Author.objects.exclude(books__price__gt=2).order_by("name").values_list("name", flat=True)), ["author 0", "author 1"])


@check("crud", "annotate and aggregate")
def _():
    rows = Author.objects.annotate(n=models.Count("books"), total=models.Sum("books__price")).filter(total__gt=2).order_by("name")
    equal([(row.name, row.n, str(row.total)) for row in rows], [("author 1", 3, "3.00"), ("author 2", 3, "5.00"), ("author 3", 3, "7.00")])
    equal(Book.objects.aggregate(models.Sum("price"), models.Max("title")), {"price__sum": decimal.Decimal("16.00"), "title__max": "book 3 2"})
    equal(Author.objects.filter(models.Exists(Book.objects.filter(author=models.OuterRef("pk"), price=4))).count(), 1)


@check("crud", "update, get_or_create, delete")
def _():
    one = Author.objects.get(name="author 1")
    one.email = "new@x"
    one.save()
    equal(Book.objects.filter(price__gt=2).update(price=models.F("price") + 1), 3)
    equal(Author.objects.update_or_create(pk=one.pk, defaults={"name": "renamed"})[1], False)
    equal(Author.objects.get_or_create(name="Eve")[1], True)
    Author.objects.bulk_create([Author(pk=one.pk, name="upsert")], update_conflicts=True, update_fields=["name"])
    equal(Author.objects.get(pk=one.pk).name, "upsert")
    equal(one.delete()[0], 4)
    book = Book.objects.get(title="book 0 0")
    book.title = "saved"
    book.save()
    equal((Author.objects.count(), Book.objects.count()), (4, 9))


@check("crud", "rows one after the other")
def _():
    equal(sum(1 for _ in Book.objects.order_by("pk").iterator(chunk_size=2)), 9)


@check("transactions", "atomic blocks")
def _():
    with transaction.atomic():
        Author.objects.update(name="kept")
        try:
            with transaction.atomic():
                Author.objects.update(name="inner")
                raise ValueError
        except ValueError:
            pass
    try:
        with transaction.atomic():
            Book.objects.all().delete()
            raise ValueError
    except ValueError:
        pass
    equal((Author.objects.filter(name="kept").count(), Book.objects.count()), (4, 9))


@check("transactions", "locks and isolation")
def _():
    with transaction.atomic():
        equal(len(Author.objects.select_for_update().filter(name="kept")), 4)
    equal(raw("SELECT @@tx_isolation"), (("READ-COMMITTED",),))


@check("metadata", "introspection")
def _():
    with connection.cursor() as cursor:
        inspector = connection.introspection
        tables = [table.name for table in inspector.get_table_list(cursor) if table.name in ("authors", "books")]
        # Without the display size, which is that of the longest value in the table.
        columns = [[str(part) for part in (*column[:2], *column[3:])] for column in inspector.get_table_description(cursor, "authors")]
        relations = inspector.get_relations(cursor, "books")
        constraints = inspector.get_constraints(cursor, "books")
    keys = sorted([c["columns"], c["primary_key"], c["unique"], c["index"]] for c in constraints.values())
    return [tables, columns, {name: list(where)[:2] for name, where in relations.items()}, keys]


@check("metadata", "inspectdb")
def _():
    import io

    out = io.StringIO()
    call_command("inspectdb", "books", stdout=out)
    return [line for line in out.getvalue().splitlines() if " = models." in line]


@check("errors", "classes")
def _():
    for wanted, errno, body in [
        (IntegrityError, 1062, lambda: Author.objects.create(pk=Author.objects.first().pk, name="again")),
        (ProgrammingError, 1146, lambda: raw("SELECT * FROM no_such_table")),
    ]:
        try:
            body()
        except wanted as error:
            equal(errno_of(error), errno)
        else:
            raise AssertionError(f"expected {wanted}")


@check("reconnect", "health check of a kept connection")
def _():
    import MySQLdb

    id = raw("SELECT CONNECTION_ID()")[0][0]
    other = MySQLdb.connect(host=HOST, port=PORT, user=USER, password=PASSWORD)
    other.cursor().execute(f"KILL {id}")
    other.close()
    connection.close_if_unusable_or_obsolete()
    connection.health_check_done = False
    equal(Author.objects.count(), 4)
