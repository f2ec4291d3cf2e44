"""The public names are those in `qualityroute.__all__`: each is there, is explained, and costs nothing until used."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

import qualityroute

SOURCE = Path(qualityroute.__file__)
ROOT = Path(__file__).parents[1]
HEAVY = ("openai", "jsonschema", "sqlite_utils", "rich", "pydantic", "anyio")


def loaded_after(statement: str) -> set[str]:
    """The modules of a fresh interpreter that ran the statement."""
    program = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", qualityroute.__all__)
def test_a_public_name_is_there_and_has_a_docstring_of_its_own(name: str) -> None:
    value = getattr(qualityroute, name)
    assert inspect.isclass(value) or inspect.isfunction(value)
    assert value.__name__ == name
    doc = inspect.cleandoc(value.__dict__.get("__doc__") or "") if inspect.isclass(value) else value.__doc__
    # What Python writes by itself into a dataclass or an enum explains nothing.
    assert doc
    assert not doc.startswith(f"{name}(")
    assert not (inspect.isclass(value) and issubclass(value, Enum) and doc == Enum.__doc__)


def shown() -> str:
    """The Python of the documentation."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    written = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", written, re.DOTALL | re.MULTILINE))


def test_every_public_name_is_shown_in_use() -> None:
    used = set(re.findall(r"\w+", re.sub(r"#.*|^ *from .*|^import .*", "", shown(), flags=re.MULTILINE)))
    assert set(qualityroute.__all__) - used == set()


@pytest.mark.parametrize("name", qualityroute.__all__)
def test_the_public_methods_of_a_public_name_have_docstrings(name: str) -> None:
    value = getattr(qualityroute, name)
    if inspect.isfunction(value) or getattr(
        value, "_is_protocol", False
    ):  # its methods are explained together, by the class
        return
    functions = {member for member, part in vars(value).items() if inspect.isfunction(part) and not part.__doc__}
    assert {member for member in functions if not member.startswith("_")} == set()


def test_the_lazy_table_covers_exactly_the_public_names() -> None:
    assert set(qualityroute._HOMES) == set(qualityroute.__all__)


def test_public_names_are_sorted_and_listed_once() -> None:
    assert sorted(set(qualityroute.__all__)) == qualityroute.__all__


def test_what_a_type_checker_sees_is_what_is_loaded() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names if _is_ours(node)}
    assert seen == {name: f"qualityroute.{home}" for name, home in qualityroute._HOMES.items()}


def _is_ours(node: ast.ImportFrom) -> bool:
    return (node.module or "").startswith("qualityroute.")


@pytest.mark.parametrize(("name", "home"), qualityroute._HOMES.items())
def test_a_public_name_is_the_one_of_its_home(name: str, home: str) -> None:
    assert getattr(qualityroute, name) is getattr(importlib.import_module(f"qualityroute.{home}"), name)


def test_dir_offers_every_public_name_before_it_is_loaded() -> None:
    assert set(qualityroute.__all__) <= set(dir(qualityroute))


def test_a_star_import_brings_exactly_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from qualityroute import *", names)
    assert set(names) - {"__builtins__"} == set(qualityroute.__all__)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="'Enigne'"):
        _ = qualityroute.Enigne


def test_importing_the_package_loads_none_of_what_it_depends_on() -> None:
    assert loaded_after("import qualityroute").isdisjoint(HEAVY)


def test_errors_and_records_load_neither_pydantic_nor_any_door() -> None:
    assert loaded_after("from qualityroute import QualityRouteError, Decision, Tier").isdisjoint(HEAVY)


def test_no_public_name_loads_openai_before_a_model_is_asked() -> None:
    names = "".join(f"from qualityroute import {name}\n" for name in qualityroute.__all__)
    assert "openai" not in loaded_after(names)


def test_the_engine_loads_neither_openai_nor_the_store_nor_jsonschema_when_imported() -> None:
    loaded = loaded_after("from qualityroute import Engine, Config, Rubric")
    assert loaded.isdisjoint({"openai", "jsonschema", "sqlite_utils", "rich"})


def test_the_command_tells_its_help_without_the_heavy_parts() -> None:
    loaded = loaded_after("import contextlib, io\nfrom qualityroute.cli import main\n" + SAY_HELP)
    assert loaded.isdisjoint(HEAVY)


SAY_HELP = """
with contextlib.redirect_stdout(io.StringIO()):
    main(["--help"], standalone_mode=False)
"""


def test_the_package_is_typed() -> None:
    assert (SOURCE.parent / "py.typed").is_file()
