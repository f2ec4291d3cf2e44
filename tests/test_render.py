"""What people read: records in, text out; hostile text stays text."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType

from qualityroute.pins import Pin, PinKey
from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Outcome,
    PinEffect,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Usage,
    Verdict,
)
from qualityroute.render import (
    PIN_COLUMNS,
    decision_json,
    dollars,
    json_line,
    outcome_words,
    percent,
    pin_card,
    pin_json,
    pin_table,
    reason_words,
    report_view,
    story_of,
    visible,
)
from qualityroute.render.report_view import evidence_words, flag_text, state_text, where_words
from qualityroute.render.words import distance, effect_words, moment_text, route_words, seconds
from qualityroute.report import Cost, JudgeReport, PinReport, Rate, RateChange, Report, Saved, Suggestion, TaskReport
from qualityroute.signal import Flag, State

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]markup[/bold] \u202egnp.exe\r\n\x9b2J"
PIN = Pin(
    key=PinKey("default", "user-42"),
    reason=Reason.JUDGED,
    since=NOW - timedelta(minutes=5),
    last_used=NOW,
    until=NOW + timedelta(minutes=29),
    check="judge",
    message="supported: no",
    decision_id="abc123",
    model="practice/small",
    hold=2,
    remaining=2,
    served=3,
)


def shown(renderable: RenderableType, width: int = 80) -> str:
    console = Console(width=width, markup=False, highlight=False, emoji=False, force_terminal=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def call(role: Role = Role.ANSWER, **changes: object) -> ModelCall:
    made = ModelCall(
        role, Tier.EFFICIENCY, "practice", "small", Usage(1200, 0, 34), Decimal("0.0002"), timedelta(0, 0.5)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def decision(**changes: object) -> Decision:
    judged = Verdict(
        "judge", Ruling.REJECTED, Reason.JUDGED, "supported: no", 0.25, (call(Role.JUDGE, model="checker"),)
    )
    first = Attempt(
        Tier.EFFICIENCY, Ruling.REJECTED, Reason.JUDGED, (call(),), (Verdict("form", Ruling.ACCEPTED), judged)
    )
    second = Attempt(
        Tier.PERFORMANCE, Ruling.ACCEPTED, None, (call(model="careful"),), (Verdict("form", Ruling.ACCEPTED),)
    )
    made = Decision(
        id="abc123",
        at=NOW,
        tenant="default",
        session="user-42",
        task="invoice",
        route=Route.CASCADE,
        outcome=Outcome.FALLBACK,
        reason=Reason.JUDGED,
        message="supported: no",
        attempts=(first, second),
        cost=Decimal("0.0031"),
        latency=timedelta(milliseconds=55),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def task_report(**changes: object) -> TaskReport:
    made = TaskReport(
        task="invoice",
        tier="efficiency",
        requests=22,
        attempts=17,
        accepted=11,
        fallbacks=6,
        by_reason={Reason.SCHEMA: 2, Reason.JUDGED: 3, Reason.INJECTION: 1, Reason.EMPTY: 1},
        outcomes={},
        fallback_rate=Rate(6 / 17, 0.17, 0.59, 6, 17),
        difficulty=Rate(None, None, None, 0, 0),
        break_even=0.92,
        cost=Cost(Decimal("0.01"), Decimal(0), Decimal("0.02"), Decimal(0), Decimal("0.0346")),
        saved=Saved(Decimal("0.0617"), Decimal("0.0271"), 0.44),
        state=State.INSUFFICIENT,
        flags=(),
        sentence="invoice: not enough is known yet.",
        why="",
        suggestion=None,
        sessions=12,
        sessions_to_go=40,
        judge=JudgeReport(12, 3, {}, Decimal(0), None, ""),
        pins=PinReport(4, 5, 0, 0, 0, None, None, None, None, ""),
        pins_active=4,
        pins_created=4,
        pin_share=0.2,
        changes=(),
        latency={},
        series=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@given(st.text())
def test_what_is_visible_has_no_character_a_terminal_obeys(text: str) -> None:
    assert all(char.isprintable() or unicodedata.category(char) == "Zs" for char in visible(text))


@given(st.text(max_size=200), st.integers(2, 50))
def test_visible_text_is_never_longer_than_asked(text: str, most: int) -> None:
    assert len(visible(text, most)) <= most


def test_printable_text_is_shown_as_it_is() -> None:
    assert visible("Café Ω 請求書 [bold]") == "Café Ω 請求書 [bold]"


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_a_json_line_reads_back_as_what_went_in_and_is_one_safe_line(value: object) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    assert len(line.splitlines()) <= 1
    assert not any("\x7f" <= char <= "\x9f" or char < " " for char in line)
    assert line.encode()


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason) -> None:
    assert reason_words(reason)


def test_every_outcome_route_and_effect_has_words() -> None:
    words = [*map(outcome_words, Outcome), *map(route_words, Route), *map(effect_words, PinEffect)]
    assert all(words)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (Decimal(0), "$0"),
        (Decimal("0.000194"), "$0.00019"),
        (Decimal("0.0346"), "$0.0346"),
        (Decimal("0.5"), "$0.5000"),
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("-0.02"), "-$0.0200"),
        (Decimal("1E-12"), "$0.00000000"),
    ],
)
def test_money_is_readable_at_any_size(amount: Decimal | None, text: str) -> None:
    assert dollars(amount) == text


def test_times_and_shares_are_readable() -> None:
    assert percent(None) == "unknown"
    assert percent(0.384) == "38 %"
    assert seconds(timedelta(milliseconds=12)) == "12 ms"
    assert seconds(timedelta(seconds=3.21)) == "3.2 s"
    assert moment_text(NOW.astimezone()) == "2026-11-23 12:00:00 UTC"
    assert distance(NOW + timedelta(minutes=29), NOW) == "in 29 min"
    assert distance(NOW - timedelta(days=3), NOW) == "3 d ago"
    assert distance(NOW - timedelta(seconds=7), NOW) == "7 s ago"


def test_the_pin_table_tells_session_reason_and_times() -> None:
    text = shown(pin_table([PIN], NOW))
    assert "user-42" in text
    assert "the judge said no: supported: no" in text
    assert "in 29 min" in text


def test_tenant_and_task_get_a_column_only_when_they_are_used() -> None:
    assert "tenant" not in shown(pin_table([PIN], NOW))
    other = replace(PIN, key=PinKey("acme", "user-1", "invoice"))
    text = shown(pin_table([PIN, other], NOW), 120)
    assert "tenant" in text
    assert "acme" in text
    assert "invoice" in text


def test_no_pins_is_a_sentence() -> None:
    assert "No session is pinned" in shown(pin_table([], NOW))


def test_the_card_of_a_pin_says_when_the_next_probe_comes() -> None:
    assert "after 2 more requests" in shown(pin_card(PIN, NOW))
    assert "after 1 more request " in shown(pin_card(replace(PIN, remaining=1), NOW))
    assert "with the next request (1 passed in a row, 2 failed)" in shown(
        pin_card(replace(PIN, remaining=0, passed_probes=1, failed_probes=2), NOW)
    )
    assert "never: it was pinned by hand" in shown(pin_card(replace(PIN, reason=Reason.MANUAL), NOW))
    assert "watched, not pinned yet" in shown(pin_card(replace(PIN, held=False), NOW))


def test_the_card_of_a_pin_tells_why_in_one_line() -> None:
    assert "why         the judge said no: supported: no" in shown(pin_card(PIN, NOW))
    other = replace(PIN, reason=Reason.CHECK, check="total_adds_up", message="12 is not 13", served=1)
    text = shown(pin_card(other, NOW))
    assert "why         fails your check, by total_adds_up: 12 is not 13" in text
    assert "1 request on the performance tier" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_hostile_text_of_a_pin_reaches_no_terminal(width: int) -> None:
    pin = replace(PIN, key=PinKey("default", HOSTILE), message=HOSTILE, model=HOSTILE, check=HOSTILE)
    text = shown(pin_card(pin, NOW), width) + shown(pin_table([pin], NOW), width)
    assert not any(char in text for char in "\x1b\x07\x9b\r\u202e")
    assert "[bold]" in text.replace("\n", "").replace(" ", "")


def test_a_story_goes_from_route_to_cost() -> None:
    text = shown(story_of(decision(pin=PinEffect.CREATED)), 200)
    order = [
        "Decision abc123",
        "Route: efficiency first",
        "Attempt 1, efficiency tier: rejected",
        "1,200 tokens in, 34 out",
        "form accepted",
        "judge rejected: the judge said no: supported: no (score 0.25)",
        "practice/checker",
        "Attempt 2, performance tier: accepted",
        "Outcome: fallback",
        "Pin: the session was pinned",
        "Cost: $0.0031 in 3 model calls, 55 ms",
    ]
    assert text.count("supported: no") == 1
    places = [text.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)


def test_a_story_tells_a_failed_call_and_an_unknown_cost() -> None:
    failed = call(error=Reason.TIMEOUT, message="no answer in 20 s", cost=None, retries=2, usage=Usage())
    attempt = Attempt(Tier.EFFICIENCY, Ruling.UNDECIDED, Reason.TIMEOUT, (failed,))
    text = shown(story_of(decision(attempts=(attempt,), cost=None, session=None, tenant="acme")), 200)
    assert "practice/small: endpoint timed out: no answer in 20 s" in text
    assert "2 retried, unknown" in text
    assert "no session, tenant acme" in text
    assert "Cost: unknown in 1 model call" in text


def test_a_hostile_message_stays_on_its_line_of_the_story() -> None:
    text = shown(story_of(decision(message=HOSTILE, session=HOSTILE, task="[link=x]")), 400)
    assert not any(char in text for char in "\x1b\x07\x9b\r\u202e")
    assert "[link=x]" in text
    assert sum("markup" in line for line in text.splitlines()) == 2


def test_a_story_says_what_trying_the_cheap_model_cost() -> None:
    told = decision()
    dear = call(model="careful", tier=Tier.PERFORMANCE, cost=Decimal("0.003"))
    second = replace(told.attempts[1], calls=(dear,))
    text = shown(story_of(replace(told, attempts=(told.attempts[0], second))), 200)
    assert "Attempt 1, efficiency tier: rejected, $0.0004" in text
    assert "Attempt 2, performance tier: accepted, $0.0030" in text
    assert "of which efficiency $0.00020, judge $0.00020, performance $0.0030" in text
    assert "trying efficiency first cost $0.00040 more than asking performance at once would have" in text


def test_a_story_does_not_guess_what_an_unknown_try_cost() -> None:
    unknown = replace(decision().attempts[0], calls=(call(cost=None),))
    text = shown(story_of(decision(attempts=(unknown, decision().attempts[1]), cost=None)), 200)
    assert "efficiency unknown" in text
    assert "trying efficiency first" not in text
    kept = shown(story_of(decision(outcome=Outcome.ACCEPTED, reason=None)), 200)
    assert "trying efficiency first" not in kept


def test_checks_that_merely_passed_share_a_line() -> None:
    verdicts = tuple(Verdict(name, Ruling.ACCEPTED) for name in ("form", "schema", "grounded"))
    judged = Verdict("judge", Ruling.ACCEPTED, None, "", 0.95, (call(Role.JUDGE),))
    attempt = Attempt(Tier.EFFICIENCY, Ruling.ACCEPTED, None, (call(),), (*verdicts, judged))
    text = shown(story_of(decision(attempts=(attempt,))), 200)
    assert "form, schema, grounded accepted" in text
    assert "judge accepted (score 0.95)" in text


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_report_has_a_row_a_task_that_fits_the_screen(width: int) -> None:
    long = task_report(task="a-long-name-of-a-task-that-somebody-thought-up-in-a-hurry", attempts=1580, requests=1798)
    report = Report({"invoice": task_report(), long.task: long}, 1, None, NOW)
    text = shown(report_view(report, SIMPLE_HEAD), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width >= 80:
        parts = (
            "17 of 22",
            "35 %",
            "(17–59)",
            "$0.0346",
            "$0.0271",
            "(44 %)",
            "92 %",
            "(3), breaks the",
            "1 session is",
        )
        assert [part for part in parts if part not in text] == []


def test_on_a_screen_too_narrow_for_its_columns_a_report_has_a_block_a_task_with_all_of_them() -> None:
    report = Report({name: task_report(task=name) for name in ("invoice", "receipt")}, 1, None, NOW)
    lines = shown(report_view(report), 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert [line.strip() for line in lines[:8]] == [
        "invoice",
        "state          INSUFFICIENT",
        "attempts       17 of 22",
        "fallback rate  35 % (17–59)",
        "break-even     92 %",
        "cost           $0.0346",
        "saved          $0.0271 (44 %)",
        "receipt",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_pin_keeps_its_name_in_one_piece_and_all_its_columns_on_every_screen(width: int) -> None:
    key = PinKey("default", "customer-0123456789-abc", "")
    text = shown(pin_table([replace(PIN, key=key, since=NOW - timedelta(minutes=119))], NOW), width)
    assert max(map(len, text.splitlines())) <= width
    for part in ("customer-0123456789-abc", "119 min ago", "until", "served"):
        assert part in text, part


def test_the_commonest_reasons_are_told_and_the_rest_counted() -> None:
    reasons = {Reason.SCHEMA: 2, Reason.JUDGED: 3, Reason.INJECTION: 1, Reason.EMPTY: 1, Reason.CHECK: 1}
    text = shown(report_view(Report({"invoice": task_report(by_reason=reasons)}, 0, None, NOW)), 140)
    told = "the judge said no (3), breaks the schema (2), fails your check (1), empty answer (1), others (1)"
    assert f"top reasons of 8 requests without an accepted efficiency answer: {told}" in " ".join(text.split())


def test_a_report_of_what_is_unknown_says_unknown_and_not_zero() -> None:
    unknown = task_report(
        task="a",
        fallback_rate=Rate(None, None, None, 0, 0),
        break_even=None,
        saved=Saved(None, None, None),
        cost=Cost(None, None, None, None, None, cut_off=2),
        by_reason={},
    )
    text = shown(report_view(Report({"a": unknown}, 0, NOW, NOW)))
    row = text.partition("\n\n")[0]
    assert row.count("unknown") == 3
    assert "none" in row
    assert "$0" not in text
    assert "2 calls got no answer but may be billed; what they cost is in no sum." in text


@pytest.mark.parametrize(
    ("state", "words", "colour"),
    [
        (State.MISCLASSIFIED, "MISCLASSIFIED", "31"),
        (State.HEALTHY, "HEALTHY", "32"),
        (State.BREAK_EVEN, "BREAK EVEN", "33"),
        (State.INSUFFICIENT, "INSUFFICIENT", "2"),
        (State.COULD_TRY_EFFICIENCY, "COULD TRY EFFICIENCY", "36"),
    ],
)
def test_each_state_is_told_in_words_and_coloured_besides(state: State, words: str, colour: str) -> None:
    task = task_report(state=state, flags=(Flag.CHANGED, Flag.UNCERTIFIED), tier="unknown")
    report = Report({"invoice": task}, 0, None, NOW)
    assert f"invoice: {words}, CHANGED, UNCERTIFIED" in shown(report_view(report))
    console = Console(width=80, force_terminal=True, color_system="standard", file=StringIO())
    with console.capture() as captured:
        console.print(report_view(report))
    styles = re.findall(rf"\x1b\[([\d;]+)m{words}", captured.get())
    assert styles
    assert all(colour in style.split(";") for style in styles)


@pytest.mark.parametrize("tier", ["performance", "efficiency", "auto"])
def test_healthy_says_where_a_task_is_healthy(tier: str) -> None:
    task = task_report(state=State.HEALTHY, tier=tier)
    text = shown(report_view(Report({"invoice": task}, 0, None, NOW)), 140)
    assert f"invoice: HEALTHY on {tier}\n" in text
    assert f"on {tier} " in text.splitlines()[3]
    assert where_words(replace(task, state=State.INSUFFICIENT)) == ""


def test_every_state_and_flag_has_words() -> None:
    assert all(state_text(state).plain for state in State)
    assert all(flag_text(flag).plain for flag in Flag)


def test_a_task_says_what_there_is_to_say_and_nothing_of_what_did_not_happen() -> None:
    judge = JudgeReport(12, 3, {"timeout": 2, "parse": 1}, Decimal(0), None, "The judge caught 3 of 12.")
    pins = PinReport(4, 5, 0, 0, 0, None, None, None, None, "Whether pins pay is open.")
    change = RateChange(NOW, 0.08, 0.31)
    full = task_report(judge=judge, pins=pins, changes=(change,), why="6 of 17 attempts failed")
    text = shown(report_view(Report({"invoice": full}, 0, None, NOW)), 140)
    for part in (
        "evidence     6 of 17 attempts failed.",
        "judge        The judge caught 3 of 12. It could not judge 3 times: 2 timeout, 1 parse.",
        "pins         Whether pins pay is open.",
        "changed      On 2026-11-23 12:00:00 UTC the rate of first attempts rose from 8 % to 31 %",
    ):
        assert part in text
    bare = task_report(
        judge=JudgeReport(0, 0, {}, None, None, "No answer reached the judge."),
        pins=PinReport(0, 0, 0, 0, 0, None, None, None, None, "No request was held by a pin."),
    )
    text = shown(report_view(Report({"invoice": bare}, 0, None, NOW)), 140)
    for word in ("No answer reached", "held by a pin", "changed", "may be billed"):
        assert word not in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_hostile_text_in_a_report_reaches_no_terminal(width: int) -> None:
    hostile = task_report(
        task=HOSTILE,
        sentence=f"{HOSTILE}: no verdict",
        why=HOSTILE,
        suggestion=None,
    )
    suggestion = Suggestion(("tasks", HOSTILE, "tier"), "performance", f" [tasks.{HOSTILE}]\n+tier = {HOSTILE}")
    text = shown(report_view(Report({HOSTILE: hostile}, 0, None, NOW, (suggestion,))), width)
    assert not any(char in text for char in "\x1b\x07\x9b\r\u202e")
    assert "[bold]" in text.replace("\n", "").replace(" ", "")


def test_evidence_says_from_when_it_is_where_the_report_begins_elsewhere() -> None:
    task = task_report(why="6 of 17 attempts failed")
    changed = replace(task, changes=(RateChange(NOW, 0.08, 0.31),))
    assert evidence_words(task, None) == "6 of 17 attempts failed"
    assert evidence_words(task, NOW) == "of all time: 6 of 17 attempts failed"
    assert evidence_words(changed, NOW) == "since the rate last changed: 6 of 17 attempts failed"
    assert evidence_words(task_report(), NOW) == ""
    text = " ".join(shown(report_view(Report({"invoice": task}, 0, NOW, NOW)), 140).split())
    assert "evidence Of all time: 6 of 17 attempts failed." in text
    assert "counted since 2026-11-23 12:00:00 UTC; states, their evidence and break-even are of all time." in text


def test_an_empty_report_is_a_sentence() -> None:
    assert "Nothing is recorded since 2026-11-23 12:00:00 UTC yet." in shown(report_view(Report({}, 0, NOW, NOW)))


def test_a_loss_is_shown_as_a_loss() -> None:
    lost = task_report(saved=Saved(Decimal("0.01"), Decimal("-0.0050"), -0.5))
    assert "-$0.0050" in shown(report_view(Report({"invoice": lost}, 0, None, NOW)))


def test_json_of_a_decision_keeps_every_digit_of_its_cost() -> None:
    value = json.loads(json.dumps(decision_json(decision(cost=Decimal("0.000194100"), pin=PinEffect.CREATED))))
    assert value["cost"] == "0.0001941"
    assert value["pin"] == "created"
    assert value["attempts"][0]["verdicts"][1]["reason"] == "judged"
    assert value["attempts"][0]["calls"][0]["latency_ms"] == 500.0
    assert decision_json(decision(cost=None))["cost"] is None


def test_json_of_a_pin_has_what_the_card_has() -> None:
    value = json.loads(json.dumps(pin_json(PIN)))
    assert tuple(value) == PIN_COLUMNS
    assert value["session"] == "user-42"
    assert value["task"] is None
    assert value["held_until_probe"] == 2
    assert value["until"] == "2026-11-23T12:29:00+00:00"


def test_the_report_says_what_the_numbers_mean_and_what_to_change() -> None:
    suggestion = Suggestion(
        ("tasks", "invoice", "tier"), "performance", ' [tasks.invoice]\n-tier = "efficiency"\n+tier = "x"'
    )
    text = shown(report_view(Report({"invoice": task_report()}, 0, None, NOW, (suggestion,))))
    assert "invoice: not enough is known yet." in text
    lines = [line.rstrip() for line in text.splitlines()]
    assert lines[-4:] == [
        "Suggested change of the configuration:",
        "   [tasks.invoice]",
        '  -tier = "efficiency"',
        '  +tier = "x"',
    ]
