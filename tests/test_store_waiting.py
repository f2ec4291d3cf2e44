"""Rows that wait for others of their transaction: how long they may."""

from __future__ import annotations

from qualityroute.store.statements import add, insert, upsert
from qualityroute.store.waiting import Waiting


def test_what_is_added_to_one_sum_is_added_up_before() -> None:
    waiting, sums = Waiting(), add("tallies", "a", "bc")
    waiting.add(sums, [("b", 1, 2.5), ("a", 1, 1.0)])
    waiting.add(sums, [("b", 3, 0.5)])
    assert waiting.everything() == [(sums, [("a", 1, 1.0), ("b", 4, 3.0)])]


def test_rows_wait_until_a_statement_of_their_work_names_their_table() -> None:
    waiting = Waiting()
    pins, calls, sums = upsert("pins", "ab", "a"), insert("calls", "ab"), add("tallies", "a", "b")
    for sql in (sums, pins, calls):
        waiting.add(sql, [("x", 1)])
    assert waiting.seen_by("SELECT a FROM pins") == [(pins, [("x", 1)])]
    assert waiting.seen_by("SELECT a FROM pins") == []
    waiting.set_aside()
    waiting.add(calls, [("y", 2)])
    assert waiting.seen_by("SELECT a FROM pins, verdicts") == []
    assert waiting.everything() == [(calls, [("x", 1), ("y", 2)]), (sums, [("x", 1)])]
    assert waiting.everything() == []


def test_sums_wait_for_the_end_and_then_come_in_one_order() -> None:
    one, other = add("tallies", "a", "b"), add("latencies", "a", "b")
    told = []
    for order in ((one, other), (other, one)):
        waiting = Waiting()
        for sql in order:
            waiting.add(sql, [("x", 1)])
        assert waiting.rows() == []
        told.append(waiting.everything())
    assert told[0] == told[1]


def test_sums_of_this_work_and_of_earlier_ones_are_added_up_before_a_statement_reads_them() -> None:
    waiting, sums, calls = Waiting(), add("tallies", "a", "b"), insert("calls", "ab")
    waiting.add(sums, [("x", 1), ("y", 5)])
    waiting.set_aside()
    waiting.add(calls, [("c", 1)])
    waiting.add(sums, [("x", 2)])
    assert waiting.seen_by("SELECT b FROM tallies") == [(sums, [("x", 3), ("y", 5)])]
    assert waiting.seen_by("SELECT b FROM tallies") == []
    assert waiting.everything() == [(calls, [("c", 1)])]
