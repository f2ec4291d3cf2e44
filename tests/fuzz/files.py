"""Loaders of the files a user writes: the configuration and a rubric."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from qualityroute.config import Config
from qualityroute.errors import ConfigError
from qualityroute.gates.judge_prompt import EVIDENCE_FORM, judge_messages, judge_questions, judge_schema
from qualityroute.rubrics import Rubric, load_rubric

FOLDER = Path(tempfile.mkdtemp(prefix="qualityroute-fuzz-"))
LONGEST_MESSAGE = 10_000
"""Characters of all that is told at once."""

CONFIG_WORDS = (
    "[tasks.a]", "[[prices]]", "[providers.p]", "[judge]", "[pins]", "[store]", "[budget]", "[routing]", "[gateway]",
    "[models.\"p/m\"]", "[tasks.a.accept]", "[tasks.a.agreement]", "[tasks.a.match]", "schema = ", "rubric = ",
    "gate = [", '"schema"', '"judge"', '"grounded"', "checks = [", "deadline = ", '"5m"', "2026-01-01", "base_url = ",
    "samples = ", '"1..3"', "inf", "nan", "1e400", "true", "alpha = ", "per_day = ", "regex = [", "url = ",
    "sqlite://", "postgresql://", "parameters = {", "effective_from = ", '"""',
)  # fmt: skip
_TIERS = b'tiers.efficiency.models = ["p/a"]\ntiers.performance.models = ["p/b"]\n'
_PROVIDER = b'[providers.p]\nbase_url = "http://127.0.0.1:1/v1"\n'
CONFIG_SEEDS = (
    b"version = 1\n" + _TIERS + b'deadline = "90s"\n' + _PROVIDER
    + b'[tasks.a]\ninstructions = "x"\nrubric = "answer"\n',
    _TIERS + b'judge.model = "p/j"\njudge.samples = "1..3"\n' + _PROVIDER + b'[tasks.a]\nschema = { type = "object" }\n'
    b'gate = ["schema", "judge"]\n[tasks.a.accept]\nalpha = 0.1\naudit = 0.5\n[pins]\nfirst = 2\nidle_ttl = "5m"\n'
    b'[budget]\nper_day = 5\n[[prices]]\nmodel = "p/a"\neffective_from = 2026-01-01\ninput = 0.1\noutput = "0.4"\n',
    _TIERS + _PROVIDER + b'[tasks.a]\ngate = ["agreement"]\n[tasks.a.agreement]\npeers = ["p/c"]\nquorum = 2\n',
    _TIERS + _PROVIDER + b'[tasks.a]\n[tasks.a.match]\nregex = ["(a+)+$", "inv[oi]ce"]\nkeywords = ["bill"]\n',
    _TIERS + _PROVIDER + b'[tasks.a]\nschema = "a.json"\nchecks = ["os:getcwd"]\n[store]\nurl = "sqlite:///a.db"\n'
    b'[models."p/a"]\ncontext_window = 8\n[cache]\nttl = "1h"\n[gateway]\nmax_body = "1MiB"\n',
)  # fmt: skip


_IMPORT = importlib.import_module


def _import_ours(name: str) -> ModuleType:
    if name == "qualityroute":  # its own files are found that way
        return _IMPORT(name)
    raise ModuleNotFoundError(f"no module '{name}'", name=name)


def read_config(data: bytes) -> None:
    """A configuration that can be fingerprinted, or `ConfigError`. Modules that it names are not imported here."""
    path = FOLDER / "qualityroute.toml"
    path.write_bytes(data)
    try:
        with patch.object(importlib, "import_module", _import_ours):
            config = Config.load(path)
    except ConfigError as error:
        assert 0 < len(str(error)) < LONGEST_MESSAGE
        return
    settings = config.model_dump(mode="json", by_alias=True)
    assert Config.model_validate(settings).model_dump(mode="json", by_alias=True) == settings
    assert config.price_book is not None
    assert config.models_used()


RUBRIC_WORDS = (
    "[[criteria]]", "[fields.total]", "id = ", "ask = ", "critical = true", "weight = ", "threshold = ", "inf", "nan",
    "ground = ", '"literal"', '"soft"', "compare = ", '"money"', '"date"', "name = ", "purpose = ", "min_fields = ",
    "whole_source = true", '"""',
)  # fmt: skip
RUBRIC_SEEDS = (
    b'name = "invoice"\npurpose = "For booking."\nthreshold = 0.8\n[[criteria]]\nid = "supported"\nask = "Is it so?"\n'
    b'critical = true\nweight = 1\n[fields.total]\nground = "literal"\ncompare = "money"\n',
    b'min_fields = 2\n[[criteria]]\nid = "a"\nask = "Yes?"\n[[criteria]]\nid = "b"\nask = "No?"\nwhole_source = true\n'
    b'[fields."lines.amount"]\nground = "soft"\ncompare = "date"\ncritical = true\n',
)


def read_rubric(data: bytes) -> None:
    """A rubric that a judge can be asked about, or `ConfigError`."""
    path = FOLDER / "rubric.toml"
    path.write_bytes(data)
    try:
        rubric = load_rubric(path)
    except ConfigError as error:
        assert 0 < len(str(error)) < LONGEST_MESSAGE
        return
    assert Rubric.model_validate(rubric.model_dump()) == rubric
    for message in judge_messages(rubric, "source", "candidate", "tag", form=EVIDENCE_FORM):
        str(message["content"]).encode("utf-8")
    assert judge_schema(rubric)
    assert len(judge_questions(rubric)) == len(rubric.criteria) + 1
