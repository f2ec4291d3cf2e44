"""The reference leaves nothing out and is of today."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import reference
from pydantic import BaseModel

from qualityroute import Config, Rubric

SECTIONS = list(dict.fromkeys(model for root in (Config, Rubric) for _, model in reference.sections(root)))


@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_every_key_has_a_meaning_in_the_source(model: type[BaseModel]) -> None:
    assert set(model.model_fields) - set(reference.meanings(model)) == set()


@pytest.mark.parametrize(("file", "page"), reference.PAGES.items())
def test_a_page_is_made_of_the_code_of_today(file: str, page: Callable[[], str]) -> None:
    found = (reference.REFERENCE / file).read_text(encoding="utf-8")
    assert found == page(), "stale; `make reference` writes it"


def test_every_table_of_the_configuration_has_its_part() -> None:
    page = reference.configuration()
    for table in ("[providers.NAME]", "[tasks.NAME.accept]", "[tiers.efficiency]", "[[prices]]", "[gateway]", "[pins]"):
        assert f"## `{table}`" in page
