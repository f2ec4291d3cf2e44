"""Every mistake a user can make in the configuration is named by its key."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from conftest import INVOICE_SCHEMA, RUBRIC, config_with
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from qualityroute import Config, ConfigError, Criterion, Rubric, Task
from qualityroute.config import fingerprint, parse_duration, resolve
from qualityroute.config.fields import format_duration
from qualityroute.config.task_section import CheckName
from qualityroute.rubrics import load_rubric
from qualityroute.setup import build_setup

DESIGN_EXAMPLE = """
version = 1

[providers.openai]
base_url = "https://api.openai.com/v1"
api_key_env = "OPENAI_API_KEY"
max_concurrency = 64

[tiers.efficiency]
models = ["openai/gpt-5-nano"]
[tiers.performance]
models = ["openai/gpt-5.2"]

[judge]
model = "openai/gpt-5-nano"
mode = "auto"
samples = 1
timeout = "20s"
on_error = "fallback"

[tasks.invoice]
tier = "efficiency"
instructions = "Extract the invoice's fields."
schema = "schemas/invoice.json"
rubric = "extraction"
gate = ["schema", "grounded", "judge"]

[tasks.invoice.agreement]
peers = ["mistral/small", "anthropic/haiku"]
rule = "confirm"
quorum = 1

[tasks.invoice.accept]
alpha = 0.05
delta = 0.10
audit = 0.03
on_uncertified = "threshold"

[routing]
mode = "cascade"

deadline = "120s"

[cache]
scope = "tenant"
ttl = "24h"
embeddings = "openai/text-embedding-3-small"
threshold = 0.95

[budget]
per_request = 0.05
per_session = 1.00
per_day = 50.00
on_exhausted = "error"

[pins]
scope = "session"
after = 1
first = 2
cap = 64
probe = "requests"
idle_ttl = "30m"
max_age = "24h"

[store]
url = "sqlite:///qualityroute.db"
payloads = "rejected"

[[prices]]
model = "openai/gpt-5-nano"
effective_from = 2026-10-01
input = 0.05
cached_input = 0.005
output = 0.40
"""


def write(folder: Path, text: str = DESIGN_EXAMPLE) -> Path:
    (folder / "schemas").mkdir(exist_ok=True)
    (folder / "schemas" / "invoice.json").write_text('{"type": "object"}', encoding="utf-8")
    path = folder / "qualityroute.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, old: str, new: str) -> str:
    assert old in DESIGN_EXAMPLE
    with pytest.raises(ConfigError) as caught:
        Config.load(write(folder, DESIGN_EXAMPLE.replace(old, new, 1)))
    return str(caught.value)


def test_the_documented_example_loads(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path))
    assert config.judge is not None
    assert config.judge.timeout == timedelta(seconds=20)
    assert config.prices[0].cached_input == Decimal("0.005")
    assert config.folder == tmp_path
    assert resolve(config)["invoice"].deadline == timedelta(seconds=120)
    assert resolve(config)["invoice"].gate == ("schema", "grounded", "judge")


def test_an_unknown_key_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    assert "tasks.invoice.instrutions: unknown key; did you mean 'instructions'?" in mistake(
        tmp_path, "instructions =", "instrutions ="
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('models = ["openai/gpt-5-nano"]', "models = []", "tiers.efficiency.models"),
        ('models = ["openai/gpt-5-nano"]', 'models = ["gpt-5-nano"]', "write 'provider/model'"),
        ('models = ["openai/gpt-5.2"]', 'models = ["mistral/large"]', "no provider 'mistral' for 'mistral/large'"),
        ('idle_ttl = "30m"', 'idle_ttl = "30 minutes"', "pins.idle_ttl: '30 minutes' is not a duration"),
        ('idle_ttl = "30m"', 'idle_ttl = "0s"', "pins.idle_ttl: must be longer than nothing"),
        ("after = 1", "after = 0", "pins.after"),
        ("cap = 64", "cap = 1", "cap (1) is below first (2)"),
        ("input = 0.05", "input = -1", "prices.0.input"),
        ("input = 0.05", "input = nan", "prices.0.input"),
        ('tier = "efficiency"', 'tier = "cheap"', "tasks.invoice.tier"),
        ('rubric = "extraction"', 'rubric = "extracton"', "no built-in rubric 'extracton'"),
        ('rubric = "extraction"', 'rubric = "rubrics/none.toml"', "does not exist"),
        ('schema = "schemas/invoice.json"', 'schema = "schemas/none.json"', "tasks.invoice.schema: no file"),
        ('schema = "schemas/invoice.json"', 'schema = "nowhere:Model"', "no module 'nowhere'"),
        ('schema = "schemas/invoice.json"', 'schema = "json:Nothing"', "module 'json' has no 'Nothing'"),
        ('gate = ["schema", "grounded", "judge"]', 'gate = ["schema", "schema"]', "named twice"),
        ('gate = ["schema", "grounded", "judge"]', 'gate = ["judges"]', "tasks.invoice.gate.0"),
        ('gate = ["schema", "grounded", "judge"]', 'gate = ["checks"]', "'checks' needs tasks.invoice.checks"),
        ('gate = ["schema", "grounded", "judge"]', 'checks = ["nowhere:check"]', "no module 'nowhere'"),
        ('gate = ["schema", "grounded", "judge"]', 'checks = ["math:pi"]', "is not a function of (output, source)"),
        ('gate = ["schema", "grounded", "judge"]', 'checks = ["math:sqrt"]', "must take two arguments"),
        ('mode = "auto"', 'mode = "letters"', "judge.mode"),
        ("version = 1", "version = 2", "version"),
        ("version = 1", 'version = 1\ndeadline = "9s"', "set it once"),
        ("version = 1", "version = ", "is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in mistake(tmp_path, old, new)


def test_of_very_many_mistakes_the_first_are_told_and_the_rest_counted() -> None:
    with pytest.raises(ConfigError) as caught:
        config_with(**{f"key{number}": 1 for number in range(500)})
    assert str(caught.value).count("unknown key") == 20
    assert str(caught.value).endswith("; and 480 more mistakes")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="qualityroute init"):
        Config.load(tmp_path / "qualityroute.toml")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_bytes(b"version = 1 # caf\xe9")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        Config.load(tmp_path / "q.toml")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path)


@pytest.mark.parametrize("content", ["{", '"text"', "[1]", '{"a": ' * 5000, "\ufeff{}x"])
def test_a_schema_file_that_holds_no_schema_is_named(tmp_path: Path, content: str) -> None:
    path = write(tmp_path)
    (tmp_path / "schemas" / "invoice.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tasks\.invoice\.schema"):
        Config.load(path)


def test_a_configuration_is_built_in_python_as_easily(tmp_path: Path) -> None:
    class Invoice(BaseModel):
        total: Decimal

    def adds_up(output: Invoice, source: str) -> str | None:
        return None

    task = Task(
        schema=Invoice,
        rubric=Rubric(criteria=(Criterion(id="supported", ask="Is it stated?"),)),
        gate=("judge",),
        checks=(adds_up,),
    )
    resolved = resolve(config_with(task={}, tasks={"invoice": task}))["invoice"]
    assert resolved.gate == ("schema", "checks", "judge")
    assert resolved.model is Invoice
    assert resolved.schema is not None
    assert resolved.checks[0].name == "adds_up"


def test_a_dict_that_is_no_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="not list"):
        Config.model_validate([1])
    with pytest.raises(ConfigError, match="tasks"):
        config_with(tasks={})
    with pytest.raises(ConfigError, match=r"'judge' needs a \[judge\] section"):
        config_with(judge=None)
    with pytest.raises(ConfigError, match="'grounded' needs"):
        config_with(task={"gate": ["grounded"]})
    with pytest.raises(ConfigError, match="'schema' needs"):
        config_with(task={"gate": ["schema"]})
    config = config_with()
    assert Config.model_validate(config) is config


def test_values_are_frozen_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config_with().deadline = timedelta(seconds=1)  # type: ignore[misc]


def test_the_gate_left_out_is_what_the_task_allows() -> None:
    def gate(**task: Any) -> tuple[str, ...]:
        return resolve(config_with(task=task))["invoice"].gate

    fields = {"total": {"ground": "literal", "compare": "money"}}
    assert gate() == ()
    assert gate(schema=INVOICE_SCHEMA) == ("schema",)
    assert gate(schema=INVOICE_SCHEMA, rubric=RUBRIC) == ("schema", "judge")
    assert gate(rubric={**RUBRIC, "fields": fields}) == ("grounded", "judge")
    assert gate(gate=["judge"]) == ("judge",)


def test_the_judge_without_a_rubric_takes_a_built_in_one() -> None:
    assert resolve(config_with(task={"gate": ["judge"]}))["invoice"].rubric.name == "answer"  # type: ignore[union-attr]
    with_schema = resolve(config_with(task={"gate": ["judge"], "schema": INVOICE_SCHEMA}))["invoice"]
    assert with_schema.rubric is not None
    assert with_schema.rubric.name == "extraction"


def test_modules_beside_the_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "beside_the_file.py").write_text("def fine(output, source):\n    return None\n", encoding="utf-8")
    path = write(tmp_path, DESIGN_EXAMPLE.replace("gate =", 'checks = ["beside_the_file:fine"]\ngate =', 1))
    assert resolve(Config.load(path))["invoice"].checks[0].name == "fine"


@pytest.mark.parametrize("source", ["def (", "1 / 0", "import nothing_of_that_name"])
def test_a_module_that_cannot_be_imported_is_a_mistake_of_the_configuration(tmp_path: Path, source: str) -> None:
    name = f"broken_{len(source)}"
    (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    path = write(tmp_path, DESIGN_EXAMPLE.replace("gate =", f'checks = ["{name}:check"]\ngate =', 1))
    with pytest.raises(ConfigError, match=r"tasks\.invoice\.checks\.0"):
        Config.load(path)


def test_a_change_of_what_shapes_decisions_changes_the_fingerprint() -> None:
    def of(config: Config) -> str:
        return fingerprint(config, resolve(config))

    base = of(config_with())
    assert of(config_with()) == base
    assert of(config_with(store={"url": "sqlite:///other.db"})) == base
    assert of(config_with(judge={"model": "practice/other"})) != base
    assert of(config_with(task={"schema": {"type": "object"}, "rubric": RUBRIC})) != base


@pytest.mark.parametrize(
    ("text", "seconds"), [("20s", 20), ("30m", 1800), ("24h", 86400), ("7d", 604800), ("250ms", 0.25), ("1.5 h", 5400)]
)
def test_durations_are_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "20", "s", "-1s", "1e3s", "1s ago", 20, None, "9" * 40 + "s"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(1, 30 * 365 * 86_400 * 1_000_000))
def test_a_duration_is_written_to_the_last_microsecond(microseconds: int) -> None:
    duration = timedelta(microseconds=microseconds)
    assert parse_duration(format_duration(duration)) == duration


def test_a_duration_that_could_lead_past_the_last_date_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pins\.max_age: is longer than thirty years"):
        config_with(pins={"max_age": "999999999d"})


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "strng"}, "not a JSON Schema"),
        ({"$ref": "https://example.com/invoice.json"}, "leaves the schema"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "leaves the schema"),
        ({"$ref": "#/$defs/missing"}, "names nothing in the schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_before_the_first_request(schema: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build_setup(config_with(task={"schema": schema}), lambda: 0.0)


def test_references_inside_the_schema_are_followed_and_data_is_no_reference() -> None:
    schema = {
        "$defs": {"money": {"type": "number"}},
        "properties": {"total": {"$ref": "#/$defs/money"}, "$ref": {"const": {"$ref": "https://example.com"}}},
    }
    setup = build_setup(config_with(task={"schema": schema}), lambda: 0.0)
    assert setup.gates["invoice"].schema is not None


def test_a_model_of_the_running_program_is_that_programs_own(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from pydantic import BaseModel\n"
        "from qualityroute.config import Config, resolve\n"
        "class Invoice(BaseModel):\n    total: float\n"
        "config = Config.load('qualityroute.toml')\n"
        "assert resolve(config)['invoice'].model is Invoice\n",
        encoding="utf-8",
    )
    write(tmp_path, DESIGN_EXAMPLE.replace('"schemas/invoice.json"', '"shop:Invoice"'))
    subprocess.run([sys.executable, "shop.py"], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a":' * 3000 + "1" + "}" * 3000, "cannot be read: nested deeper than 256 levels (line 1, column 1281)"),
        ('{"type": "object", "type": "array"}', "cannot be read: the key 'type' stands twice in one object"),
        ("{,}", "is not JSON: expecting property name"),
        ("```json\n{}\n```", "is not JSON alone"),
    ],
    ids=["deep", "twice", "broken", "fenced"],
)
def test_a_schema_file_that_is_not_plain_json_is_refused_by_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "s.json").write_text(text)
    (tmp_path / "c.toml").write_text(
        "[tiers]\nefficiency.models = ['openai/a']\nperformance.models = ['openai/b']\n[tasks.t]\nschema = 's.json'\n"
    )
    with pytest.raises(ConfigError, match=re.escape(told)) as raised:
        Config.load(tmp_path / "c.toml")
    assert "tasks.t.schema" in str(raised.value)


@pytest.mark.parametrize("load", [Config.load, load_rubric])
def test_a_file_that_is_nested_without_end_is_named(tmp_path: Path, load: Callable[[Path], object]) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f"x = {'[' * 100_000}")
    with pytest.raises(ConfigError, match=r"deep\.toml' is nested too deep"):
        load(path)


CHECKS = [f"'{name}'" for name in get_args(CheckName)]
MODELS = {"efficiency": {"models": ["openai/a"]}, "performance": {"models": ["openai/b"]}}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"pins": {"after": 0}}, "pins.after: 0 is below 1"),
        ({"tasks": {"t": {"accept": {"alpha": 1.5}}}}, "tasks.t.accept.alpha: 1.5 is not below 0.5"),
        ({"tasks": {"t": {"repairs": "x"}}}, "tasks.t.repairs: 'x' should be a valid integer"),
        ({"tasks": {"t": 5}}, "tasks.t: 5 should be a table of keys"),
        (
            {"tasks": {"t": {"tier": "performence"}}},
            "tasks.t.tier: 'performence' should be 'efficiency', 'performance' or 'auto'; did you mean 'performance'?",
        ),
        (
            {"tasks": {"t": {"gate": ["schema", "groundd"]}}},
            f"tasks.t.gate.1: 'groundd' should be {', '.join(CHECKS[:-1])} or {CHECKS[-1]}; did you mean 'grounded'?",
        ),
        (
            {"providers": {"x": {"base_url": "localhost:8000"}}},
            "providers.x.base_url: 'localhost:8000' is no address; right is one such as 'http://127.0.0.1:8000/v1'",
        ),
        (
            {"tasks": {"t t": {}}},
            "tasks.t t: 't t' is no name; right is a letter or digit, then also '_', '.' or '-', 64 in all at most",
        ),
        (
            {"tiers": {**MODELS, "efficiency": {"models": ["gpt"]}}},
            "tiers.efficiency.models.0: 'gpt' names no model; write 'provider/model', such as 'openai/gpt-5-nano'",
        ),
        (
            {"tiers": {**MODELS, "efficiency": {"models": []}}},
            "tiers.efficiency.models: it is too short; at least 1 is needed",
        ),
        ({"tiers": {"efficiency": MODELS["efficiency"]}}, "tiers.performance: it is missing"),
    ],
)
def test_a_mistake_is_told_with_what_stands_there_and_what_would_be_right(written: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config.model_validate({"tiers": MODELS, "tasks": {"t": {}}, **written})
    assert str(raised.value) == told


def test_what_is_longer_than_a_word_is_not_told_back() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.model_validate({"tiers": MODELS, "tasks": {"t": {"tier": "secret" * 100}}})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "# nothing but this\n"])
def test_an_empty_configuration_is_told_what_writes_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"c\.toml' says nothing; `qualityroute init` writes one"):
        Config.load(tmp_path / "c.toml")
