"""`docs/providers.md` is true: each test it names exists, each quirk has one, and each number is the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qualityroute.config import Provider
from qualityroute.openai_client import call, dialects, health, ladder, learned, probes

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "providers.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)(?:::(\w+))?(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "group", "name"), NAMED)
def test_each_test_the_page_names_exists(file: str, group: str, name: str) -> None:
    text = (TESTS / file).read_text(encoding="utf-8")
    for wanted in (group, name):
        assert not wanted or re.search(rf"(class|def) {wanted}\b", text)


def test_each_of_the_27_quirks_has_a_row_with_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 28))
    assert all("test" in guard for _, guard in rows)


def test_a_test_named_without_its_file_stands_in_one_of_its_row() -> None:
    for row in re.findall(r"^\| \d+ \|.*$", PAGE, re.MULTILINE):
        files = "".join((TESTS / file).read_text(encoding="utf-8") for file in re.findall(r"test_\w+\.py", row))
        for name in re.findall(r"`((?:test_|Test)\w+)`", row):
            assert re.search(rf"(class|def) {name}\b", files), name


def test_the_pages_numbers_are_the_codes() -> None:
    assert f"{ladder.MOST_IGNORED} of {ladder.WATCHED}" in PAGE
    assert f"1 + `retries` + {dialects.MAX_STEPS} + 1 times" in PAGE
    assert f"After {health.FAILURES} failures in a row" in PAGE
    assert (
        f"left alone for {health.FIRST_REST:g} s, then {2 * health.FIRST_REST:g}, up to {health.LONGEST_REST:g}" in PAGE
    )
    assert f"found out anew after {learned.MAX_AGE.days} days" in PAGE


def test_the_pages_tail_of_a_stream_is_the_codes() -> None:
    assert f"are waited for {call.TAIL_SECONDS:g} s more" in PAGE


def test_every_key_of_a_provider_and_every_rung_is_on_the_page() -> None:
    for name in Provider.model_fields:
        assert f"\n{name} = " in PAGE
    for rung in ladder.Rung:
        assert f"\n| `{rung}` | " in PAGE


def test_every_probe_and_the_number_of_calls_are_on_the_page() -> None:
    told = PAGE.partition("| probe | honoured when |")[2].partition("Otherwise")[0]
    cells = " ".join(re.findall(r"^\| (`[^|]+) \|", told, re.MULTILINE))
    assert re.findall(r"`([^`]+)`", cells) == [probe.name for probe in probes.PROBES]
    assert f"by {probes.CALLS} tiny calls" in PAGE
    assert f"the {probes.SHORT} to {probes.ROOM} tokens of a probe" in PAGE
