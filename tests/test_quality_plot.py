"""The curve of quality against cost: where its marks stand, drawn in characters and as an SVG file."""

from __future__ import annotations

import builtins
import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tier_comparison import GOOD, KEPT_OUT, WASTED, WRONG, case

from qualityroute.commands.overwriting import PICTURE
from qualityroute.errors import ConfigError
from qualityroute.page.drawing import svg_file
from qualityroute.page.quality_chart import quality_picture
from qualityroute.render.quality_figure import QualityFigure, Sign, quality_figure
from qualityroute.render.text_plot import text_plot
from qualityroute.tier_comparison import Case, compare_tiers

MIXED = [GOOD] * 6 + [WRONG] + [KEPT_OUT] * 3 + [WASTED] * 2


def figure(cases: list[Case] = MIXED, **thresholds: Any) -> QualityFigure:
    found = quality_figure(compare_tiers(cases), **thresholds)
    assert found is not None
    return found


def marks(found: QualityFigure) -> dict[Sign, tuple[float, float]]:
    return {mark.sign: mark.at for mark in found.marks}


def test_all_performance_costs_its_own_answers_and_no_attempt() -> None:
    found = figure()
    assert found.by_cost
    assert marks(found)[Sign.EFFICIENCY] == (0.01, 8 / 12)
    assert marks(found)[Sign.PERFORMANCE] == (pytest.approx(0.1), 1)
    assert found.curve[-1][0] == pytest.approx(0.11)


def test_a_threshold_in_use_stands_on_the_curve() -> None:
    found = figure(in_use=0.8)
    assert marks(found)[Sign.IN_USE] == (pytest.approx(0.01 + 0.1 * 5 / 12), 11 / 12)
    assert marks(found)[Sign.IN_USE] in found.curve


def test_a_certified_threshold_that_is_in_use_is_one_mark() -> None:
    assert set(marks(figure(in_use=0.9, certified=0.9))) == {Sign.EFFICIENCY, Sign.PERFORMANCE, Sign.CERTIFIED}
    assert len(figure(in_use=0.8, certified=0.9).marks) == 4


def test_without_a_judge_the_gate_as_it_is_is_marked() -> None:
    assert marks(figure())[Sign.IN_USE] == (pytest.approx(0.01 + 0.1 * 5 / 12), 11 / 12)


def test_where_a_cost_is_unknown_the_axis_is_the_share_of_performance_calls() -> None:
    found = figure([*MIXED, case(cost=None)])
    assert not found.by_cost
    assert [at for at, _ in found.flip] == [0, 1]
    assert found.curve[-1][0] == 1


def test_nothing_labelled_is_nothing_to_draw() -> None:
    assert quality_figure(compare_tiers([case(bad=None)])) is None


def test_the_plain_drawing_is_ascii_and_shows_every_mark() -> None:
    drawing = "\n".join(text_plot(figure(in_use=0.8, certified=0.95), fancy=False))
    assert drawing.isascii()
    inside = "".join(line[9:] for line in drawing.splitlines()[:12])
    assert all(sign in inside for sign in "EPoC*.")


def test_the_fancy_drawing_is_made_of_braille() -> None:
    drawing = "\n".join(text_plot(figure(in_use=0.8)))
    assert any(0x2800 < ord(char) <= 0x28FF for char in drawing)
    assert "●" in drawing


@pytest.mark.parametrize("cases", [[GOOD], [WRONG] * 2, [case(cost=Decimal(0), reference_cost=Decimal(0))]])
def test_a_curve_without_any_extent_is_drawn_all_the_same(cases: list[Case]) -> None:
    assert len(text_plot(figure(cases))) == 14


@given(
    st.lists(st.sampled_from([GOOD, WRONG, KEPT_OUT, WASTED, case(None, accepted=False, bad=True)]), min_size=1),
    st.integers(2, 90),
    st.integers(2, 40),
    st.booleans(),
)
def test_no_line_is_wider_than_asked_and_both_tiers_are_inside(
    cases: list[Case], width: int, height: int, fancy: bool
) -> None:
    lines = text_plot(figure(cases), width=width, height=height, fancy=fancy)
    inside = [line[9:] for line in lines[:height]]
    assert len(lines) == height + 2
    assert all(len(line) <= width for line in inside)
    assert any(sign in line for line in inside for sign in "P●o")


def test_no_two_labels_of_an_axis_are_alike_and_none_is_above_all() -> None:
    lines = text_plot(figure([GOOD] * 400 + [WRONG]))
    labels = [line[:7].strip() for line in lines[:12] if line[:7].strip()]
    assert labels == ["99.9 %", "99.4 %", "98.8 %"]
    shares = text_plot(figure([*MIXED, case(cost=None)]))
    assert shares[-1].split()[0] == "0"
    assert shares[-1].endswith(" 100 %")


def test_the_svg_file_stands_alone_and_names_its_marks() -> None:
    text = svg_file(quality_picture(figure(in_use=0.8, certified=0.9), "invoice <b>"))
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in text
    assert "<b>" not in text
    assert PICTURE.holds.decode() in text
    said = {element.text for element in root.iter() if element.tag.endswith("}text")}
    assert {"all efficiency", "all performance", "threshold in use, 0.8", "certified threshold, 0.9"} <= said
    assert "USD per request" in said


def test_without_the_extra_the_file_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "vl_convert":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'qualityroute\[html\]'"):
        svg_file(quality_picture(figure(), "invoice"))
