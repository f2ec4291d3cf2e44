"""Rubrics, built in and one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from qualityroute import ConfigError, Criterion, Rubric
from qualityroute.rubrics import builtin_rubrics, load_rubric

GOOD = """
name = "invoice"
[[criteria]]
id = "supported"
ask = "Is it stated?"
[fields.total]
ground = "literal"
compare = "money"
"""


def mistake(folder: Path, text: str) -> str:
    (folder / "r.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_rubric(folder / "r.toml")
    return str(caught.value)


def test_the_four_general_rubrics_and_every_other_built_in_one_load() -> None:
    rubrics = {name: load_rubric(path) for name, path in builtin_rubrics().items()}
    assert {"extraction", "classification", "summary", "answer"} <= set(rubrics)
    assert len(rubrics["extraction"].criteria) == 6
    assert all(name == rubric.name for name, rubric in rubrics.items())


def test_a_rubric_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(GOOD, encoding="utf-8")
    rubric = load_rubric(tmp_path / "r.toml")
    assert rubric.threshold == 0.8
    assert rubric.fields["total"].compare == "money"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('id = "supported"', 'id = "a"\nask = "x"\n[[criteria]]\nid = "a"', "criterion id 'a' is used twice"),
        ('[[criteria]]\nid = "supported"\nask = "Is it stated?"', "criteria = []", "criteria"),
        ('[[criteria]]\nid = "supported"\nask = "Is it stated?"', "", "criteria"),
        ('ask = "Is it stated?"', 'ask = "  "', "criteria.0.ask"),
        ('ask = "Is it stated?"', 'ask = "x"\nweigth = 2', "criteria.0.weigth: unknown key; did you mean 'weight'?"),
        ('ask = "Is it stated?"', 'ask = "x"\nweight = 0', "criteria.0.weight"),
        ('ask = "Is it stated?"', 'ask = "x"\nweight = inf', "criteria.0.weight"),
        ('id = "supported"', 'id = "sup ported"', "criteria.0.id: 'sup ported' is no name; right is a letter"),
        ('ground = "literal"', 'ground = "litteral"', "fields.total.ground"),
        ('name = "invoice"', 'name = "invoice"\nthreshold = 2', "threshold"),
        ('name = "invoice"', "name = ", "cannot be read"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in mistake(tmp_path, GOOD.replace(old, new, 1))


def test_a_criterion_with_a_mistake_is_told_once(tmp_path: Path) -> None:
    told = mistake(tmp_path, GOOD.replace("ask = ", "aks = "))
    assert told.endswith(": criteria.0.ask: it is missing; criteria.0.aks: unknown key; did you mean 'ask'?")


def test_a_missing_rubric_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_rubric(tmp_path / "none.toml")


def test_a_rubric_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rubric(tmp_path / "r.toml")


def test_a_rubric_built_in_python_is_checked_too() -> None:
    with pytest.raises(ValueError, match="used twice"):
        Rubric(criteria=(Criterion(id="a", ask="?"), Criterion(id="a", ask="?")))
