"""`baseline run`, `compare` and `import`, against the practice provider over HTTP."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from command_line import call, one_line_error
from kill_baseline import kill_and_resume

from qualityroute.practice import PracticeServer, documents
from qualityroute.store import schema

CONTRACTS = [document.input for document in documents("contract")][:6]
INVOICE = documents("invoice")[0].input


@pytest.fixture(scope="module")
def server() -> Iterator[PracticeServer]:
    with PracticeServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, server: PracticeServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, current, whose practice provider is running, with inputs of contracts."""
    call("init", tmp_path, "--practice")
    config = tmp_path / "qualityroute.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:8399/v1", server.base_url))
    monkeypatch.chdir(tmp_path)
    write("in.jsonl", *({"id": f"c{number}", "input": text} for number, text in enumerate(CONTRACTS)))
    return tmp_path


def write(name: str, *values: object) -> str:
    Path(name).write_text("".join(value if isinstance(value, str) else f"{json.dumps(value)}\n" for value in values))
    return name


def configure(old: str, new: str) -> None:
    path = Path("qualityroute.toml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def query(statement: str) -> list[Any]:
    with closing(sqlite3.connect("qualityroute.db")) as database:
        return database.execute(statement).fetchall()


def told(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = call("baseline", *arguments, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def referred() -> dict[str, Any]:
    return told("run", "contract", "in.jsonl")


def compared(*arguments: object, code: int = 0) -> dict[str, Any]:
    return told("compare", "contract", "in.jsonl", *arguments, code=code)


def output_of(name: str) -> Any:
    [(text,)] = query(f"SELECT output FROM baselines WHERE input_id = '{name}' AND origin = 'performance'")
    return json.loads(text)


# baseline run


def test_run_keeps_performances_answer_under_the_callers_id(folder: Path, server: PracticeServer) -> None:
    asked = server.calls.get("small", 0)
    found = referred()
    assert (found["made"], found["there_already"], found["outcomes"]) == (6, 0, {"performance": 6})
    assert float(found["cost"]) > 0
    assert {name for (name,) in query("SELECT input_id FROM baselines")} == {f"c{number}" for number in range(6)}
    assert query("SELECT DISTINCT route, tier FROM decisions") == [("baseline", "performance")]
    assert server.calls.get("small", 0) == asked


def test_run_asks_nothing_twice_unless_told_to(folder: Path, server: PracticeServer) -> None:
    referred()
    asked = server.calls["careful"]
    again = told("run", "contract", "in.jsonl")
    assert (again["made"], again["there_already"], again["asked"]) == (0, 6, 0)
    assert server.calls["careful"] == asked
    again = told("run", "contract", "in.jsonl", "--again")
    assert (again["made"], again["compared_with_earlier"], again["differ_from_earlier"]) == (6, 6, 0)
    assert server.calls["careful"] == asked + 6
    assert query("SELECT COUNT(*) FROM baselines") == [(6,)]


def test_an_input_without_an_id_is_known_by_what_it_says(folder: Path) -> None:
    write("in.jsonl", {"input": CONTRACTS[0]}, {"input": [{"role": "user", "content": CONTRACTS[0]}]})
    found = referred()
    assert (found["made"], found["repeated"]) == (1, 1)
    [(name, key)] = query("SELECT input_id, input_key FROM baselines")
    assert re.fullmatch("[0-9a-f]{24}", name)
    assert name == key


def test_an_id_with_another_input_than_before_is_asked_again_and_that_is_said(folder: Path) -> None:
    write("in.jsonl", {"id": "a", "input": CONTRACTS[0]})
    referred()
    write("in.jsonl", {"id": "a", "input": CONTRACTS[1]})
    result = call("baseline", "run", "contract", "in.jsonl")
    assert "1 id had another input when its reference was made: asked anew" in result.output
    assert referred()["there_already"] == 1


def test_references_of_other_instructions_are_made_anew(folder: Path) -> None:
    referred()
    configure("Extract the contract's parties, dates and terms, as last amended.", "Extract it.")
    found = referred()
    assert (found["made"], found["outdated"]) == (6, 6)
    assert referred()["there_already"] == 6


def test_the_same_id_for_two_inputs_is_a_mistake_and_the_first_one_counts(folder: Path) -> None:
    write(
        "in.jsonl",
        {"id": "a", "input": CONTRACTS[0]},
        {"id": "a", "input": CONTRACTS[1]},
        {"id": "a", "input": CONTRACTS[0]},
    )
    found = told("run", "contract", "in.jsonl", code=1)
    assert (found["made"], found["bad_inputs"], found["repeated"]) == (1, 1, 1)
    [problem] = found["problems"]
    assert problem == {"id": "a", "error": "line 2 of 'in.jsonl': id 'a' is another input's in line 1"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json\n", "line 1 of 'in.jsonl' is not JSON"),
        ("[1]\n", 'has no "input"'),
        ('{"input": ""}\n', "input is empty"),
        ('{"input": "x", "id": "' + "n" * 300 + '"}\n', "id has 300 characters"),
        ('{"input": "x", "session": ""}\n', "session is empty"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_asked(folder: Path, line: str, said: str) -> None:
    write("in.jsonl", line, {"id": "good", "input": CONTRACTS[0]})
    result = call("baseline", "run", "contract", "in.jsonl")
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("in.jsonl") == 1
    assert "1 reference made" in result.stdout


def test_an_answer_that_its_free_checks_reject_is_no_reference(folder: Path) -> None:
    write("in.jsonl", {"id": "a", "input": "Hello, how are you?"})
    found = told("run", "contract", "in.jsonl", code=1)
    assert (found["made"], found["outcomes"]) == (0, {"rejected": 1})
    assert query("SELECT COUNT(*) FROM baselines") == [(0,)]


@pytest.mark.parametrize("command", ["run", "compare"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("contract", "missing.jsonl"), "'missing.jsonl' does not exist"),
        (("contract", "."), "is a directory"),
        (("contract", "empty.jsonl"), "'empty.jsonl' has no line; right is one for each input"),
        (("contarct", "in.jsonl"), "did you mean 'contract'?"),
        (("contract", "in.jsonl", "--budget", "0"), "0 buys nothing; right is an amount above 0"),
        (("contract", "in.jsonl", "--budget", "nan"), "buys nothing"),
        (("contract", "in.jsonl", "--budget", "much"), "'much' is no amount"),
        (("contract", "in.jsonl", "--concurrency", "0"), "'--concurrency'"),
    ],
)
def test_a_mistake_of_the_call_is_told_before_any_model_is_asked(
    folder: Path, server: PracticeServer, command: str, arguments: tuple[str, ...], said: str
) -> None:
    write("empty.jsonl", "\n\n")
    asked = server.calls
    result = call("baseline", command, *arguments)
    assert result.exit_code == 2
    assert said in one_line_error(result)
    assert server.calls == asked


def test_a_store_that_keeps_no_answers_keeps_no_references(folder: Path, server: PracticeServer) -> None:
    configure('payloads = "rejected"', 'payloads = "none"')
    asked = server.calls
    result = call("baseline", "run", "contract", "in.jsonl")
    assert result.exit_code == 2
    assert 'payloads = "none" keeps no answer' in one_line_error(result)
    assert server.calls == asked


def test_the_budget_stops_it_and_the_same_command_goes_on(folder: Path) -> None:
    result = call("baseline", "run", "contract", "in.jsonl", "--budget", "0.009")
    assert result.exit_code == 1
    [left] = re.findall(r"(\d) inputs are left; the same command goes on", one_line_error(result))
    assert query("SELECT COUNT(*) FROM baselines") == [(6 - int(left),)]
    assert told("run", "contract", "in.jsonl")["there_already"] == 6 - int(left)


@pytest.mark.parametrize(("command", "model"), [("run", "practice/careful"), ("compare", "practice/checker")])
def test_a_budget_needs_every_price_before_the_first_call(
    folder: Path, server: PracticeServer, command: str, model: str
) -> None:
    configure(f'[[prices]]\nmodel = "{model}"', '[[prices]]\nmodel = "practice/other"')
    asked = server.calls
    result = call("baseline", command, "contract", "in.jsonl", "--budget", "1")
    assert result.exit_code == 2
    assert f'add [[prices]] with model = "{model}"' in one_line_error(result)
    assert server.calls == asked


def test_an_unknown_price_without_a_budget_is_an_unknown_cost(folder: Path) -> None:
    configure('[[prices]]\nmodel = "practice/careful"', '[[prices]]\nmodel = "practice/other"')
    found = referred()
    assert (found["cost"], found["unknown_costs"]) == (None, 6)
    cost = compared()["cost_per_request"]
    assert cost["performance"] is cost["cascade"] is None
    assert float(cost["efficiency"]) > 0


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_provider_that_is_down_is_exit_three_and_leaves_no_fact(folder: Path, command: str) -> None:
    referred()
    configure("[providers.practice]", "[providers.gone]\nretries = 0")
    path = Path("qualityroute.toml")
    path.write_text(
        re.sub(r"http://127.0.0.1:\d+", "http://127.0.0.1:9", path.read_text()).replace('"practice/', '"gone/')
    )
    if command == "compare":  # a person's reference holds whatever model is asked
        write("labels.jsonl", {"id": "c0", "output": output_of("c0")})
        call("baseline", "import", "contract", "labels.jsonl")
    result = call("baseline", command, "contract", "in.jsonl")
    assert result.exit_code == 3
    assert "no endpoint of tier" in result.stderr
    assert query("SELECT COUNT(*) FROM labels") == [(0,)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_what_is_finished_and_the_same_command_goes_on(
    folder: Path, number: signal.Signals, code: int
) -> None:
    with PracticeServer(latency={"careful": 0.2}) as slow:
        configure(re.findall(r"http://127.0.0.1:\d+/v1", Path("qualityroute.toml").read_text())[0], slow.base_url)
        write("in.jsonl", *({"id": str(name), "input": INVOICE} for name in range(60)))
        command = [sys.executable, "-m", "qualityroute", "baseline", "run", "invoice", "in.jsonl", "--concurrency", "2"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and slow.calls.get("careful", 0) < 5:
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert "interrupted; the same command goes on" in said
    assert "Traceback" not in said
    [(made,)] = query("SELECT COUNT(*) FROM baselines")
    assert 0 < made < 60
    assert told("run", "invoice", "in.jsonl")["there_already"] == made


def test_a_database_of_an_older_version_is_brought_up_to_date(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        import asyncio

        from qualityroute.store.sqlite import SQLiteStore

        async def made() -> None:
            store = SQLiteStore(folder / "qualityroute.db")
            await store.open()
            await store.aclose()

        asyncio.run(made())
    assert referred()["made"] == 6


def test_a_database_of_a_newer_version_is_exit_three(folder: Path) -> None:
    referred()
    with closing(sqlite3.connect("qualityroute.db")) as database, database:
        database.execute("UPDATE _sqlite_migrations SET name = 'from_the_future' WHERE name = 'ground_truth'")
    result = call("baseline", "run", "contract", "in.jsonl")
    assert result.exit_code == 3
    assert "written by a newer version" in one_line_error(result)


def test_a_reference_that_cannot_be_written_ends_the_run_whatever_the_store_policy(folder: Path) -> None:
    configure('payloads = "rejected"', 'payloads = "rejected"\non_store_error = "warn"')
    referred()
    with closing(sqlite3.connect("qualityroute.db")) as database, database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON baselines BEGIN SELECT RAISE(ABORT, 'full'); END")
    result = call("baseline", "run", "contract", "in.jsonl", "--again", "--concurrency", "1")
    assert result.exit_code == 3
    assert "stopped: " in result.stderr
    assert "the same command goes on" in result.stderr


def test_a_performance_tier_that_changes_its_mind_is_told(folder: Path) -> None:
    referred()
    with closing(sqlite3.connect("qualityroute.db")) as database, database:
        database.execute("UPDATE baselines SET output = '{}' WHERE input_id IN ('c0', 'c1')")
    result = call("baseline", "run", "contract", "in.jsonl", "--again")
    assert (
        "performance differs from its earlier answer in 2 of 6: an alpha below 66.7 % will hardly be proven"
        in result.stdout
    )


# baseline compare


def test_compare_counts_what_the_gate_did_against_what_the_answers_were(folder: Path) -> None:
    referred()
    found = compared()
    confusion = found["confusion"]
    labels = query("SELECT accepted, bad FROM labels")
    assert found["cases"] == len(labels) == 6
    assert confusion["accepted_right"] == labels.count((1, 0))
    assert confusion["rejected_wrong"] == labels.count((0, 1))
    assert sum(found["rejected_by"].values()) == confusion["rejected_right"] + confusion["rejected_wrong"]
    assert found["agreement_only"]
    assert found["quality"]["performance"] == 1
    assert (found["alpha"], found["delta"], found["threshold"]) == (0.05, 0.1, 0.8)


def test_the_costs_are_those_of_the_ledger(folder: Path) -> None:
    referred()
    cost = compared()["cost_per_request"]
    [(trying,)] = query("SELECT AVG(cost) FROM decisions WHERE route = 'compare'")
    [(performance,)] = query("SELECT AVG(cost) FROM decisions WHERE route = 'baseline'")
    assert float(cost["efficiency"]) == pytest.approx(trying)
    assert float(cost["performance"]) == pytest.approx(performance)


def test_compare_asks_nothing_twice_and_no_performance_model(folder: Path, server: PracticeServer) -> None:
    referred()
    careful = server.calls["careful"]
    first = compared()
    small = server.calls["small"]
    second = compared()
    assert (first["asked"], second["asked"], second["there_already"]) == (6, 0, 6)
    assert (server.calls["small"], server.calls["careful"]) == (small, careful)
    assert second["confusion"] == first["confusion"]
    assert compared("--again")["asked"] == 6


def test_another_rubric_is_another_pipeline_and_asks_again(folder: Path) -> None:
    referred()
    compared()
    rubric = Path("rubrics/contract.toml")
    rubric.write_text(re.sub("threshold = [0-9.]+", "threshold = 0.85", rubric.read_text()))
    assert compared()["asked"] == 6


def test_inputs_without_a_reference_are_named_and_the_others_compared(folder: Path) -> None:
    write("in.jsonl", {"id": "known", "input": CONTRACTS[0]})
    referred()
    write("in.jsonl", {"id": "known", "input": CONTRACTS[0]}, {"id": "new", "input": CONTRACTS[1]})
    result = call("baseline", "compare", "contract", "in.jsonl")
    assert result.exit_code == 1
    assert "1 input has no reference of today: new; first run `qualityroute baseline run contract" in result.stderr
    assert compared(code=1)["cases"] == 1


def test_without_a_file_the_inputs_that_live_traffic_left_are_compared(folder: Path) -> None:
    result = call("baseline", "compare", "invoice")
    assert result.exit_code == 2
    assert 'mode = "baseline" with [store] payloads = "all"' in one_line_error(result)
    configure('payloads = "rejected"', 'payloads = "all"')
    configure("[pins]", '[routing]\nmode = "baseline"\n\n[pins]')
    call("run", "invoice", "documents/invoice.txt")
    assert told("compare", "invoice")["cases"] == 1


def test_people_read_what_right_means_a_drawing_and_the_answers_that_differ(folder: Path) -> None:
    referred()
    result = call("baseline", "compare", "contract", "in.jsonl", "--alpha", "0.2", "--delta", "0.5")
    said = " ".join(result.stdout.split())
    assert "equal to the performance tier's answer, as the rubric compares" in said
    assert "(alpha is 20 %)" in said
    assert "with confidence 50 %" in said
    assert "E all efficiency, P all performance, o threshold in use, 0.8; dotted: a coin flip" in said
    assert result.stdout.isascii()
    [(wrong,)] = query("SELECT decision_id FROM labels WHERE bad ORDER BY accepted DESC, input_id LIMIT 1")
    assert wrong in result.stdout
    assert call("explain", wrong).exit_code == 0


def test_the_plot_is_an_svg_file(folder: Path) -> None:
    referred()
    result = call("baseline", "compare", "contract", "in.jsonl", "--plot", "curve.svg")
    assert "wrote curve.svg" in result.stderr
    assert ElementTree.parse("curve.svg").getroot().tag.endswith("}svg")


def test_comparing_serves_nobody_and_touches_no_pin(folder: Path) -> None:
    write("in.jsonl", *({"id": f"c{n}", "input": text, "session": "u"} for n, text in enumerate(CONTRACTS)))
    referred()
    compared()
    assert query("SELECT COUNT(*) FROM pins") == [(0,)]
    assert query("SELECT DISTINCT route, session FROM decisions ORDER BY route") == [
        ("baseline", "u"),
        ("compare", "u"),
    ]


def test_long_prose_that_differs_is_counted_apart_with_advice(folder: Path) -> None:
    _prose_task()
    write("in.jsonl", {"id": "letter", "input": CONTRACTS[0]})
    told("run", "letter", "in.jsonl")
    with closing(sqlite3.connect("qualityroute.db")) as database, database:
        database.execute("UPDATE baselines SET output = ?", (json.dumps("In other words. " * 40),))
    result = call("baseline", "compare", "letter", "in.jsonl")
    assert "1 answer could not be compared" in result.stdout
    assert "`qualityroute baseline import`" in result.stdout
    [(decision,)] = query("SELECT decision_id FROM labels")
    write("labels.jsonl", {"decision": decision, "right": True})
    assert call("baseline", "import", "letter", "labels.jsonl").exit_code == 0
    assert told("compare", "letter", "in.jsonl")["uncompared"] == 0


def _prose_task() -> None:
    """A task without a schema; the practice models answer it in JSON text all the same."""
    config = Path("qualityroute.toml")
    config.write_text(config.read_text() + '\n[tasks.letter]\ninstructions = "Extract the contract\'s parties."\n')


# baseline import


def imported(*lines: object, code: int = 0) -> dict[str, Any]:
    return told("import", "contract", write("labels.jsonl", *lines), code=code)


def test_a_persons_output_wins_and_its_input_is_compared_again(folder: Path) -> None:
    referred()
    before = compared()
    wrong = next(one for one in before["differing"])
    found = imported({"id": wrong["id"], "output": {**output_of(wrong["id"]), "currency": "XXX"}})
    assert (found["references"], found["labels"], found["stale"]) == (1, 0, 1)
    after = compared()
    assert (after["asked"], after["there_already"], after["by_people"]) == (1, 5, 1)
    assert not after["agreement_only"]


def test_an_answer_that_a_person_calls_right_is_right_at_once(folder: Path, server: PracticeServer) -> None:
    referred()
    before = compared()
    asked = server.calls["small"]
    assert imported({"decision": before["differing"][0]["decision"], "right": True})["labels"] == 1
    after = compared()
    assert server.calls["small"] == asked
    assert len(after["differing"]) == len(before["differing"]) - 1
    assert after["by_people"] == 1


def test_what_a_person_says_of_equal_answers_is_said_of_both_tiers(folder: Path) -> None:
    referred()
    before = compared()
    [(equal,)] = query("SELECT decision_id FROM labels WHERE bad = 0 LIMIT 1")
    imported({"decision": equal, "right": False})
    assert compared()["quality"]["performance"] == pytest.approx(5 / 6)
    imported({"decision": equal, "right": True})
    assert compared()["quality"] == before["quality"]


def test_every_mistake_is_found_and_nothing_is_written(folder: Path) -> None:
    referred()
    right = output_of("c0")
    decision = compared()["differing"][0]["decision"]
    write("one.jsonl", {"input": INVOICE})
    told("run", "invoice", "one.jsonl")
    [(other,)] = query("SELECT id FROM decisions WHERE task = 'invoice'")
    [(plain,)] = query("SELECT decision_id FROM baselines WHERE input_id = 'c1'")
    found = imported(
        {"id": "c0", "output": right},
        "oops\n",
        {"id": "c00", "output": right},
        {"id": "c1", "output": {"parties": "many"}},
        {"id": "c0", "output": right},
        {"decision": decision, "right": "yes"},
        {"decision": "nothing", "right": True},
        {"decision": other, "right": True},
        {"decision": plain, "right": True},
        {"id": "c2", "right": True},
        code=2,
    )
    assert not found["written"]
    assert found["references"] == 0
    expected = {
        2: "is not JSON",
        3: "no input 'c00' of task 'contract'; did you mean 'c0'?",
        4: "breaks the task's schema",
        5: "id 'c0' stands in line 1 already",
        6: '"right" is "yes"; right is true or false',
        7: "no decision 'nothing' in the store",
        8: "is of task 'invoice', not of 'contract'",
        9: "has no label that people could overrule",
        10: "is neither kind of line",
    }
    mistakes = {mistake["line"]: mistake["error"] for mistake in found["mistakes"]}
    assert set(mistakes) == set(expected)
    assert all(said in mistakes[line] for line, said in expected.items())
    assert query("SELECT COUNT(*) FROM baselines WHERE origin = 'person'") == [(0,)]


def test_at_most_twenty_mistakes_are_shown(folder: Path) -> None:
    referred()
    write("labels.jsonl", *([{"id": "c9", "output": 1}] + [{"a": 1}] * 29))
    result = call("baseline", "import", "contract", "labels.jsonl")
    assert result.exit_code == 2
    assert "and 10 more like these" in result.stderr
    assert "30 mistakes in 'labels.jsonl'; nothing was written" in one_line_error(result)


def test_a_task_without_a_schema_takes_text_and_nothing_else(folder: Path) -> None:
    _prose_task()
    write("in.jsonl", {"id": "a", "input": CONTRACTS[0]})
    told("run", "letter", "in.jsonl")
    write("labels.jsonl", {"id": "a", "output": {"no": "text"}})
    assert "the output is no text" in call("baseline", "import", "letter", "labels.jsonl").stderr
    write("labels.jsonl", {"id": "a", "output": "Two parties."})
    assert told("import", "letter", "labels.jsonl")["references"] == 1


def test_no_answer_is_taken_in_where_none_is_kept_but_labels_are(folder: Path) -> None:
    referred()
    decision = compared()["differing"][0]["decision"]
    configure('payloads = "rejected"', 'payloads = "none"')
    assert "keeps no answer" in imported({"id": "c0", "output": {}}, code=2)["mistakes"][0]["error"]
    assert imported({"decision": decision, "right": True})["labels"] == 1


def test_without_a_database_there_is_nothing_to_label(folder: Path) -> None:
    write("labels.jsonl", {"id": "a", "output": 1})
    result: Result = call("baseline", "import", "contract", "labels.jsonl")
    assert result.exit_code == 3
    assert "there is no database" in one_line_error(result)


@pytest.mark.slow
def test_kill_nine_loses_no_row_and_asks_nothing_twice_but_what_was_in_flight(tmp_path: Path) -> None:
    for findings in kill_and_resume(tmp_path, kills=2, inputs=110):
        assert findings.good, findings
        assert findings.kills >= 1, findings


# check-tiers


def tiers(code: int) -> dict[str, Any]:
    result = call("check-tiers", "contract", "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_check_tiers_says_who_is_right_by_what_people_say_and_the_report_warns(folder: Path) -> None:
    referred()
    compared()
    assert tiers(1)["standing"] == "unknown"
    assert "nobody has said what is right" in call("check-tiers", "contract").output
    imported(
        *(
            {"id": f"c{number}", "output": {**output_of(f"c{number}"), "effective_date": "1999-01-01"}}
            for number in range(6)
        )
    )
    assert tiers(1)["pairs"] == 0  # efficiency has not been held against them yet
    compared()
    found = tiers(1)
    assert (found["standing"], found["pairs"], found["both_wrong"]) == ("not_shown", 6, 6)
    assert found["performance_right"]["rate"] == 0
    assert "performance right   0 %" in call("check-tiers", "contract").output
    call("run", "contract", "in.jsonl", "--input-format", "jsonl")
    assert "not shown to be better" in " ".join(call("report").output.split())
    assert json.loads(call("report", "--json").stdout)["tasks"]["contract"]["tiers"]["pairs"] == 6


def test_check_tiers_names_a_task_that_is_not_there(folder: Path) -> None:
    assert "there are: " in one_line_error(call("check-tiers", "contrat"))
