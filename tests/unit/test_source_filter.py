from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sources.filter import STATEMENT_LIMIT, Dialect, refusal

WORDS = ("select", "from", "(", ")", ",", ";", "'a'", '"', "$$", "with", "as", "delete", "--")
READING = [
    "select 1",
    "SELECT 1;",
    "select day, sum(amount) from sales where campaign_id = :campaign_id group by 1 order by 1 limit :n",
    "with a as (select 1 as x) select * from a union all select 2",
    "values (1, 2), (3, 4)",
    "(select 1) except (select 2)",
    "select sum(x) filter (where y > 1) over (partition by z) from t",
    "select 'drop table x; delete', \"insert\" from t -- update",
    "select * from a left join b using (id) where a.x in (select y from c)",
    "select case when x > 0 then 'up' else 'down' end, cast(y as text), coalesce(z, 0) from t",
]
WRITING = [
    ("select 1; drop table x", "one statement"),
    ("drop table x", "DROP"),
    ("insert into t values (1)", "INSERT"),
    ("update t set x = 1", "UPDATE"),
    ("delete from t", "DELETE"),
    ("with a as (delete from x returning 1) select * from a", "DELETE"),
    ("create table t (a int)", "CREATE"),
    ("create table t as select 1", "CREATE"),
    ("alter table t add column b int", "ALTER"),
    ("truncate table t", "TRUNCATE"),
    ("pragma table_info(x)", "PRAGMA"),
    ("vacuum", "VACUUM"),
    ("begin", "BEGIN"),
    ("commit", "COMMIT"),
    ("/* select */ explain select 1", "EXPLAIN"),
    ("select * into y from t", "INTO"),
    ("merge into a using b on true when matched then delete", "MERGE"),
    ("", "empty"),
    ("-- nothing", "empty"),
    (";", "empty"),
]


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize("statement", READING)
def test_what_only_reads_passes(statement: str, dialect: Dialect) -> None:
    assert refusal(statement, dialect) is None


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize(("statement", "word"), WRITING)
def test_what_does_more_is_refused_in_a_sentence_that_names_it(
    statement: str, word: str, dialect: Dialect
) -> None:
    sentence = refusal(statement, dialect)
    assert sentence is not None
    assert word in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "statement",
    [
        "select pg_read_file('/etc/passwd')",
        "select pg_catalog.pg_read_file('/etc/passwd')",
        "select \"pg_read_file\"('/etc/passwd')",
        "select * from pg_ls_dir('.')",
        "select lo_import('/etc/passwd')",
        "select lo_create(1)",
        "select pg_sleep(100)",
        "select pg_advisory_lock(1)",
        "select pg_terminate_backend(1)",
        "select set_config('statement_timeout', '0', true)",
        "select nextval('s')",
        "select query_to_xml('delete from t', true, false, '')",
        "select * from dblink('host=x', 'select 1') as t(a int)",
        "select 1 where exists (select lo_unlink(1))",
        "copy t to '/tmp/x'",
        "copy (select 1) to program 'id'",
        "select * from t for update",
        "select * from t for share",
        "do $$ begin perform 1; end $$",
        "call something()",
        "set statement_timeout = 0",
        "lock table t",
        "listen x",
    ],
)
def test_postgres_functions_and_statements_that_reach_further_are_refused(statement: str) -> None:
    assert refusal(statement, "postgres") is not None


@pytest.mark.parametrize(
    "statement",
    [
        "select load_extension('x')",
        "select printf('%.*c', 1000000000, 'x')",
        "select format('%.*c', 1000000000, 'x')",
        "select zeroblob(1000000000)",
        "select randomblob(1000000000)",
        "attach 'x.db' as y",
        "select writefile('x', 'y')",
    ],
)
def test_sqlite_functions_and_statements_that_reach_further_are_refused(statement: str) -> None:
    assert refusal(statement, "sqlite") is not None


@pytest.mark.parametrize(
    "statement",
    [
        "select * from t where (",
        "select from where",
        "select '",
        "select $$",
        "(" * 5000,
        "select " + "(" * 3000 + "1" + ")" * 3000,
        "select " + "1," * STATEMENT_LIMIT,
    ],
)
def test_what_cannot_be_read_is_refused_without_an_exception(statement: str) -> None:
    sentence = refusal(statement, "postgres")
    assert sentence is None or sentence.endswith(".")
    assert "class" not in (sentence or "")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_no_text_makes_the_filter_raise(statement: str) -> None:
    sentence = refusal(statement, "sqlite")
    assert sentence is None or sentence.endswith(".")
