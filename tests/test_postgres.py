"""The ledger's SQL on PostgreSQL: all that a crawl, a rebuild and the commands say, with the same outcome."""

from __future__ import annotations

import ast
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.conftest import ROOT, Crawler, replica_at
from tests.sqlrecord import Statement, recorded

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -e '.[dev]'")

SQLITE_ONLY = ROOT / "crawler/sqlite.py"
OWN = re.compile(r"PRAGMA|sqlite_master|ATTACH|VACUUM|WITHOUT ROWID|INSERT OR|REPLACE INTO|BEGIN|rowid\b|GLOB")
VERB = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|DROP|ALTER)\s")
TODAY, TOMORROW = None, "2026-11-21T12:00:00+07:00"
CRAWLS = (
    (TODAY, "-a", "max_articles=15", "-a", "capture=page"),
    (TODAY,),
    (TOMORROW, "-a", "recrawl=all"),
)
FAST = (
    "tests/test_commands_new.py",
    "tests/test_commands_export.py",
    "tests/test_crawler_audit.py",
    "tests/test_crawler_drift.py",
)  # without their slow tests
# Migrations of a test's own, and work of processes that are not recorded.
NOT = "not migrat and not older_ledger and not whatever_is_killed"
# Rows in quarantine that come back: said in processes of their own by other tests.
SAID_ELSEWHERE = {
    "SELECT COUNT(*) FROM quarantine WHERE ",
    "UPDATE quarantine SET returned_at = ",
    "SELECT 1 FROM named WHERE record_id = ",
    "SELECT row_id FROM versions WHERE article_id = ",
    "UPDATE frontier SET reason = 'quarantined' WHERE url_id = ",
    "SELECT 1 FROM quarantine WHERE article_id = ",
    "SELECT DISTINCT spider FROM files WHERE closed = 0 AND kind <> 'warc' ORDER BY spider",
}
# The crawl log's note of what it has told: a file without a name, of one process, and never PostgreSQL's.
SCRATCH = {"CREATE TABLE told (url BIGINT PRIMARY KEY)", "INSERT INTO told VALUES "}
AT_ONCE = {"REQUISITE_DELAY": "0"}
ODD_DAYS = (
    "tests/test_crawler_ledger.py",
    "tests/test_crawler_sources.py",
    "tests/test_commands_history.py::test_versions_changes_and_events",
    "tests/test_commands_rebuild.py::test_the_ledger_again_and_the_crawl_after_it",
    "tests/test_commands_rebuild.py::test_a_second_pass_that_was_stopped",
    "tests/test_commands_rebuild.py::test_a_file_that_names_no_scope_is_taken_in",
)
NUMBERS = ("scopes", "scope_id"), ("urls", "url_id"), ("runs", "run_id"), ("texts", "text_id")
# SQLite numbers rows without gaps, PostgreSQL's sequences leave some: here it counts as SQLite does, so that the
# numbers among the recorded values mean the same rows.
COUNTING = """CREATE FUNCTION count_{table}() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN NEW.{key} := (SELECT COALESCE(MAX({key}), 0) + 1 FROM {table}); RETURN NEW; END $$;
CREATE TRIGGER counting BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION count_{table}()"""


def texts() -> Iterator[tuple[Path, int, str]]:
    """Every text in the program that is, or begins, a statement."""
    for path in sorted((ROOT / "crawler").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                node = node.values[0]
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.lineno, node.value


def test_what_is_sqlites_own_stands_in_one_module() -> None:
    found = {str(path.relative_to(ROOT)) for path, _, text in texts() if VERB.match(text) and OWN.search(text)}
    found |= {str(path.relative_to(ROOT)) for path, _, text in texts() if re.match(r"PRAGMA|BEGIN|ATTACH|VACUUM", text)}
    found |= {str(path.relative_to(ROOT)) for path, text in sources() if "sqlite3.connect(" in text}
    assert found == {str(SQLITE_ONLY.relative_to(ROOT))}


def sources() -> Iterator[tuple[Path, str]]:
    return ((path, path.read_text("utf-8")) for path in sorted((ROOT / "crawler").rglob("*.py")))


def is_own(sql: str) -> bool:
    return bool(OWN.search(sql)) or sql in ("COMMIT", "ROLLBACK")


@dataclass(frozen=True)
class Told:
    """What SQLite was told by real work, and what it made of it."""

    crawl: list[Statement]  # that wrote archive/ledger.sqlite
    crawled: Path  # the ledger behind it
    rebuild: list[Statement]
    rebuilt: Path
    others: list[Statement]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Three crawls of a replica (one that stops early, its other half, a second pass), a rebuild, the commands, and
    the tests of the ledger itself for what a good day has no need of."""
    folder = tmp_path_factory.mktemp("told")
    archive = folder / "archive"

    def run(record: str, *arguments: str, statuses: tuple[int, ...] = (0,), environment: Any = os.environ) -> None:
        once = ["--once"] if record == "others" else []
        command = [sys.executable, "-m", "tests.sqlrecord", *once, str(folder / record), *arguments]
        environment = {**environment, "SCRAPY_SETTINGS_MODULE": "crawler.settings"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode in statuses, done.stdout[-2000:] + done.stderr[-2000:]

    for clock, *more in CRAWLS:
        with replica_at(tmp_path_factory.mktemp("replica"), clock) as replica:
            crawler = Crawler(replica, tmp_path_factory)
            command = crawler.command("baoquocte", ["-a", "since=2024-01-01", *more], archive, AT_ONCE)
            run("crawl", *command[2:], statuses=(0, 11), environment=replica.environment())
    crawled = folder / "crawled.sqlite"
    copy(archive / "ledger.sqlite", crawled)
    given = ("-s", f"ARCHIVE_DIR={archive}")
    run("rebuild", "scrapy", "rebuild", *given)
    rebuilt = folder / "rebuilt.sqlite"
    copy(archive / "ledger.sqlite", rebuilt)
    run("others", "scrapy", "rebuild", "--spider", "baoquocte", *given)
    run("others", "scrapy", "verify", "--fixity", *given)
    with sqlite3.connect(rebuilt) as db:
        (article,) = db.execute("SELECT article_id FROM articles LIMIT 1").fetchone()
    run("others", "scrapy", "history", article, *given)
    for target in (article, "https://baoquocte.vn/van-hoa/*", "https://baoquocte.vn/van-hoa"):
        run("others", "scrapy", "exclude", target, "--reason", "r", *given)
    run("others", "scrapy", "exclude", "--lift", article, *given)
    run("others", "pytest", "-p", "no:cacheprovider", "-k", NOT, *ODD_DAYS)
    run("others", "pytest", "-p", "no:cacheprovider", "-k", NOT, "-m", "not slow", *FAST)
    return Told(
        [one for one in recorded(folder / "crawl") if one.database == str(archive / "ledger.sqlite")],
        crawled,
        [one for one in recorded(folder / "rebuild") if one.database == str(archive / "ledger.sqlite.new")],
        rebuilt,
        list(recorded(folder / "others")),
    )


def copy(path: Path, to: Path) -> None:
    source, db = sqlite3.connect(path), sqlite3.connect(to)
    source.backup(db)
    source.close()
    db.close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    programs = postgres.home()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres.server(programs) as where:
        yield where


def connect(server: str, schema: str) -> Any:
    """A connection to an empty schema of its own."""
    db = psycopg.connect(server, autocommit=True)
    db.execute(f"CREATE SCHEMA {schema}")
    db.execute(f"SET search_path TO {schema}")
    db.execute(postgres.DOMAIN)
    return db


def repeat(db: Any, statements: list[Statement]) -> Counter[str]:
    """Say all of it again; how many statements of each kind there were."""
    counts: Counter[str] = Counter()
    for one in statements:
        verb = one.sql.split(None, 1)[0]
        if one.sql in ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
            db.execute(verb)
            continue
        if is_own(one.sql):
            continue
        try:
            changed = db.execute(postgres.translated(one.sql), one.values).rowcount
        except psycopg.Error as error:
            raise AssertionError(f"{error}\n{one.sql[:1500]}\n{str(one.values)[:500]}") from error
        counts[verb] += 1
        if verb in ("INSERT", "UPDATE", "DELETE") and one.changed >= 0 and "RETURNING" not in one.sql:
            assert changed == one.changed, one
        for table, key in NUMBERS:
            if one.sql.startswith(f"CREATE TABLE {table} "):
                db.execute(COUNTING.format(table=table, key=key))
    return counts


def rows(db: Any, query: str, values: Any = ()) -> list[tuple[Any, ...]]:
    """Answer in an order of its own."""
    found = db.execute(query, values).fetchall()
    return sorted((tuple(row) for row in found), key=repr)


def same_tables(db: Any, ledger: sqlite3.Connection) -> dict[str, int]:
    """Rows by table, when both have the same ones."""
    sizes = {}
    for (table,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = ", ".join(row[1] for row in ledger.execute(f"PRAGMA table_info({table})"))
        ours = rows(ledger, f"SELECT {columns} FROM {table}")
        assert rows(db, f"SELECT {columns} FROM {table}") == ours, table
        sizes[table] = len(ours)
    return sizes


def queries() -> list[str]:
    page = (ROOT / "docs/ledger.md").read_text("utf-8")
    return re.findall(r"```sql\n(.*?);\n```", page, re.DOTALL)


@pytest.mark.slow
def test_a_crawl(told: Told, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that three crawls wrote, written again: every table is the same, and so is every answer."""
    db, ledger = connect(server, "crawl"), sqlite3.connect(told.crawled)
    counts = repeat(db, told.crawl)
    sizes = same_tables(db, ledger)
    asked = {one.sql: one.values for one in told.crawl if one.sql.lstrip().startswith("SELECT") and not is_own(one.sql)}
    for sql, values in asked.items():
        assert rows(db, postgres.translated(sql), values) == rows(ledger, sql, values), sql
    useful = queries()
    assert len(useful) >= 5
    for sql in useful:
        assert rows(db, sql.replace("%", "%%")) == rows(ledger, sql), sql
    ledger.close()
    db.close()
    with capsys.disabled():
        sys.stdout.write(
            f"\nPostgreSQL: a crawl's {counts.total()} statements {dict(counts)}, {sum(sizes.values())} rows in "
            f"{len(sizes)} tables the same, {len(asked)} questions and {len(useful)} queries answered alike\n"
        )


@pytest.mark.slow
def test_a_rebuild(told: Told, server: str) -> None:
    db, ledger = connect(server, "rebuild"), sqlite3.connect(told.rebuilt)
    repeat(db, told.rebuild)
    assert same_tables(db, ledger)["captures"] > 50
    ledger.close()
    db.close()


@pytest.mark.slow
def test_every_statement_is_understood(told: Told, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that only an odd day needs are planned, with the types of their values, on the tables of a crawl."""
    every = {one.sql: one.values for one in told.crawl + told.rebuild + told.others if not is_own(one.sql)}
    db = connect(server, "every")
    repeat(db, [one for one in told.crawl if one.sql.lstrip().startswith(("CREATE", "ALTER", "DROP"))])
    repeat(db, [one for one in told.rebuild if one.sql.startswith("CREATE TEMP")])
    scratch = {one.sql: one for one in told.others if re.match(r"CREATE (TEMP TABLE|INDEX) plan_", one.sql)}
    repeat(db, list(scratch.values()))
    planned = 0
    for sql, values in every.items():
        if sql.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            try:
                db.execute("EXPLAIN " + postgres.translated(sql), values)
            except psycopg.Error as error:
                raise AssertionError(f"{error}\n{sql[:1500]}\n{str(values)[:500]}") from error
            planned += 1
    db.close()
    with capsys.disabled():
        sys.stdout.write(f"\nPostgreSQL: {planned} statements understood\n")


@pytest.mark.slow
def test_no_statement_is_left_out(told: Told) -> None:
    """What stands in the program was said by one of the runs; a new statement that nothing runs fails here."""
    said = "\n".join({one.sql for one in told.crawl + told.rebuild + told.others})
    left_out = [
        f"{path.relative_to(ROOT)}:{line}: {text[:80]!r}"
        for path, line, text in texts()
        if path != SQLITE_ONLY
        and VERB.match(text)
        and re.split(r"[{?]", text)[0] not in said
        and re.split(r"[{?]", text)[0] not in SAID_ELSEWHERE | SCRATCH
    ]
    assert not left_out, "\n".join(left_out)
