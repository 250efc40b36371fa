from __future__ import annotations

import threading
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.agents import templates
from adapters.agents.results import Result
from adapters.agents.templates import OUTPUT_LIMIT, TEMPLATE_LIMIT, check_template, render
from core.errors import AgentError
from core.messages import Span, escape, spans, unmarked
from tests.limits import within

NAMES = frozenset({"params", "revenue", "total", "empty"})


def context() -> dict[str, Any]:
    revenue = Result(
        ("channel", "amount", "day"),
        (("search", 1200.5, "2026-03-02"), ("social", 800, "2026-03-03"), ("e-mail", None, "2026-03-04")),
    )
    total = Result(("total", "share", "name"), ((12345.678, 0.1234, "*not bold* `nor code` \\"),))
    empty = Result(("total",), ())
    return {
        "params": {"campaign_id": 42, "since": date(2026, 3, 1), "flag": True, "note": None},
        "revenue": revenue,
        "total": total,
        "empty": empty,
        "results": {"revenue": revenue, "total": total, "empty": empty},
        "checks": [],
    }


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Campaign {{ params.campaign_id }} since {{ params.since }}", "Campaign 42 since 2026-03-01"),
        ("{{ total.total | number }}", "12,345.68"),
        ("{{ total.total | number(0) }}", "12,346"),
        ("{{ total.total | money('EUR') }}", "€12,345.68"),
        ("{{ total.total | currency('PLN', 0) }}", "12,346 PLN"),
        ("{{ -5 | money('$') }}", "-$5"),
        ("{{ total.share | percent }}", "12.3%"),
        ("{{ total.share | percent(0) }}", "12%"),
        ("{{ total.total | compact }}", "12.3k"),
        ("{{ total.total | round(1) }} {{ 2.5 | round }}", "12345.7 2"),
        ("{{ 3 | signed }} {{ -3 | signed }}", "+3 -3"),
        ("{{ params.since | date('%d %B') }} {{ revenue.day | date }}", "01 March 02 Mar 2026"),
        ("{{ revenue.channel }} {{ revenue.row_count }}", "search 3"),
        (
            "{% for r in revenue.rows %}{{ loop.index }}:{{ r.channel }} {% endfor %}",
            "1:search 2:social 3:e-mail",
        ),
        ("{% for r in revenue.rows if r.amount %}{{ r['amount'] | number }};{% endfor %}", "1,200.5;800;"),
        ("{{ revenue.rows | sum(attribute='amount') | number }}", "2,000.5"),
        ("{{ revenue.rows | map(attribute='channel') | join(', ') }}", "search, social, e-mail"),
        ("{{ (revenue.rows | sort(attribute='amount', reverse=true) | first).channel }}", "search"),
        ("{{ revenue.rows | where('channel', 'social') | length }}", "1"),
        ("{{ results['total'].total | number(1) }}", "12,345.7"),
        ("{{ empty.total }} {{ empty.total | number }} {{ empty.total | default('none') }}", "– – none"),
        ("{% if empty.row_count == 0 %}nothing{% else %}some{% endif %}", "nothing"),
        ("{{ params.flag }} {{ params.note }} {{ 0.1 + 0.2 }}", "yes – 0.3"),
        (
            "{{ 'a' ~ 1 ~ 'b' }} {{ 'a' + 'b' }} {{ '-' * 5 }} {{ 7 % 4 }} {{ 2 ** 10 }}",
            "a1b ab ----- 3 1024",
        ),
        ("{{ revenue.channel.upper() }} {{ revenue.channel | title }}", "SEARCH Search"),
        ("{% set x = total.total / 2 %}{{ x | number(0) }}", "6,173"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ 'yes' if params.campaign_id is even else 'no' }}", "yes"),
        ("{{ revenue.rows[1].channel }} {{ revenue.rows[-1].channel }}", "social e-mail"),
        ("{# a remark #}plain", "plain"),
        (
            "{{ revenue.rows | max(attribute='amount') }} {{ revenue.rows | average('amount') }}",
            "1200.5 1000.25",
        ),
    ],
)
def test_a_template_writes_numbers_dates_and_rows_as_people_read_them(template: str, text: str) -> None:
    assert unmarked(render(template, context())) == text
    assert check_template(template, NAMES) is None


def test_the_authors_marks_are_marks_and_values_never_are() -> None:
    marked = render("Brought *{{ total.total | number }}* by {{ total.name }}{{ ' *x*' }}", context())
    assert spans(marked) == (
        Span("Brought "),
        Span("12,345.68", "bold"),
        Span(" by *not bold* `nor code` \\ *x*"),
    )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_no_value_changes_what_is_marked(value: str) -> None:
    marked = render("a {{ v }} *b*", {"v": value})
    assert marked == f"a {escape(value)} *b*"


WORDS = ("{{", "}}", "{%", "%}", "for", "in", "revenue", ".rows", "|", "join", "(", ")", "'x'", "1", "*",
         "**", "~", "if", "endif", "set", "=", "a", "[", "]", ":", "{#", "#}", "\n")  # fmt: skip
ATTACKS = [
    "{{ 'x' * 10000000000 }}",
    "{{ 10000000000 * 'x' }}",
    "{{ [1] * 10000000000 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 9.0 ** 999999 }}",
    "{{ '%1000000000s' % 'x' }}",
    "{{ '%1000000000s' | format('x') }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ 'x'.rjust(1000000000) }}",
    "{{ 'x'.zfill(1000000000) }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ '{:>1000000000}'.format('x') }}",
    "{{ '{0.__class__}'.format('x') }}",
    "{{ 'x'.replace('x', 'y') }}",
    "{{ 'x' | replace('x', 'y') }}",
    "{{ 'x' | indent(1000000000) }}",
    "{{ 'x'.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ params.__class__ }}",
    "{{ params.items() }}",
    "{{ revenue._rows }}",
    "{{ revenue.rows.append(1) }}",
    "{{ range.__globals__ }}",
    "{{ range(100000000) | length }}",
    "{{ range(1000) | map(attribute='x') }}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ lipsum(1000) }}",
    "{{ cycler(1) }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ joiner() }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% block b %}{{ self.b() }}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% set x %}y{% endset %}{{ x }}",
    "{% filter upper %}x{% endfilter %}",
    "{% for x in revenue.rows recursive %}{{ loop(revenue.rows) }}{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}"
    "{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% if a in range(1000) %}{% endif %}{% endfor %}"
    "{% endfor %}",
    "{% set a = 'x' * 90000 %}{% set a = a ~ a %}{{ a }}",
    "{% set a = 'x' * 90000 %}{% set a = a + a %}{{ a }}",
    "{% set a = range(1000) | join('x' * 1000) %}{{ a }}",
    "{{ revenue.day | date('%1000000000d') }}",
    "{{ revenue.day | date('%Y' * 1000) }}",
    "{{ 1.5 | round(1000000000) | string | length > 100 and 1 // 0 }}{{ 1 // 0 }}",
    "{{ 1 | number(1000000000) | length > 100 and 1 // 0 }}{{ 1 // 0 }}",
    "{{ 1 / 0 }}",
    "{{ 'a' < 1 }}",
    "{{ unknown }}",
    "{{ revenue.unknown }}",
    "{{ params.unknown }}",
    "{{ unknown.deeper.still }}",
    "{{ revenue }}",
    "{{ revenue.rows[99].x }}",
    "{{ total.name | number }}",
    "{{ '1' * total.total }}",
    "{{ revenue.channel() }}",
    "{{ x.y }",
    "{% for %}",
    "{{ 'open }}",
    "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "not " * 4000 + "1 }}",
    "{% if 1 %}" * 1500 + "{% endif %}" * 400,
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{{ x" + ".y" * 5000 + " }}",
    "x" * (TEMPLATE_LIMIT + 1),
    "{{ ''.join(['x']) }}",
    "{{ 'x'.encode() }}",
    "{{ [1, 2] | random }}",
    "{{ 'x' | tojson }}",
    "{{ 1 is sameas 1 }}",
    "{{ 'x' | e }}{{ 'x' | safe }}",
]


@pytest.mark.parametrize("template", ATTACKS, ids=lambda text: text[:50])
def test_what_reaches_further_or_cannot_be_is_a_sentence_and_takes_no_time(template: str) -> None:
    with within(60), pytest.raises(AgentError) as caught:
        render(template, context())
    assert caught.value.permanent
    sentence = caught.value.sentence
    assert sentence.endswith((".", "?"))
    assert len(sentence) < 300
    assert "object at 0x" not in sentence
    assert "template" in sentence


def test_output_is_cut_while_it_is_generated_and_says_so() -> None:
    text = render("{% for i in range(1000) %}{{ 'x' * 1000 }}{% endfor %}", {})
    assert len(text) < OUTPUT_LIMIT + 100
    assert text.endswith("… (cut: longer than 20,000 characters)")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("one\n{{ total.totl }}", "Line 2 of the template: there is no “totl” in it; did you mean “total”?"),
        ("{{ params.campain_id }}", "Line 1 of the template: there is no “campain_id” in it; did you mean"),
        ("a\n\n{{ revenu.x }}", "Line 3 of the template: there is no name “revenu”; did you mean “revenue”?"),
        ("{{ total.name | number }}", "Line 1 of the template: “*not bold* `nor code` \\” is no number."),
        ("{{ revenue.rows[99].x }}", "Line 1 of the template: a list of 3 has no number 99."),
        ("{{ 1 / 0 }}", "Line 1 of the template: something is divided by zero."),
        ("{{ revenue }}", "name one of its columns"),
    ],
)
def test_a_failing_template_tells_the_line_and_the_near_miss(template: str, sentence: str) -> None:
    with pytest.raises(AgentError) as caught:
        render(template, context())
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ totel.total }}", "Line 1 of the template: there is no name “totel”; did you mean “total”?"),
        ("\n{{ x | nmber }}", "Line 2 of the template: there is no filter “nmber”; did you mean “number”?"),
        ("{{ 1 is evn }}", "Line 1 of the template: there is no test “evn”; did you mean “even”?"),
        ("{% for r in revenue.rows %}", "Line 1 of the template: Unexpected end of template"),
        ("{% include 'x' %}", "Line 1 of the template: include is not available in a summary."),
        ("{{ a b }}", "Line 1 of the template: expected token"),
        ("x" * 30_000, "longer than 20,000 characters"),
    ],
)
def test_the_file_checker_is_told_what_is_wrong_and_where(template: str, sentence: str) -> None:
    assert sentence in (check_template(template, NAMES) or "")


def test_the_file_checker_looks_at_parameters_where_it_is_given_them() -> None:
    names = {"total", "params.campaign_id"}
    assert check_template("{{ params.campaign_id }} {{ params['x'] }}", names) is None
    sentence = check_template("{{ params.campaing_id }}", names)
    assert (
        sentence == "Line 1 of the template: there is no parameter “campaing_id”; did you mean “campaign_id”?"
    )
    assert check_template("{{ params.anything }}", {"total"}) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(WORDS),
        max_size=25,
    ).map(" ".join)
)
def test_no_text_makes_a_template_raise_anything_but_a_sentence(template: str) -> None:
    check_template(template, NAMES)
    with suppress(AgentError):
        assert len(render(template, context())) < OUTPUT_LIMIT


async def test_a_template_is_filled_outside_of_the_event_loops_thread() -> None:
    class Nosy:
        def __str__(self) -> str:
            return str(threading.get_ident())

    text = await templates.fill("{{ x }}", {"x": Nosy()})
    assert text.isdigit()
    assert int(text) != threading.get_ident()
