"""What must hold in a store after whatever was done to it: each rule is a function that says what breaks it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from faults.books import Books, Row, units
from faults.crew import Line, Told
from faults.upstream import PER_SESSION, Call, Upstream

IDLE_TTL = timedelta(minutes=30)
"""After which a pin is over that nobody used; as in the default configuration."""
SERVED = {"accepted", "fallback", "pinned", "failover", "performance"}


@dataclass(frozen=True)
class Evidence:
    """All that is known of one store's life."""

    books: Books
    told: Told
    calls: Mapping[str, Sequence[Call]]
    """The models' own books, by request."""
    most_at_once: int
    """Requests that each worker has under way."""

    def line_of(self) -> dict[str, Line]:
        """What the worker said of each request: an answer or an error."""
        return {line["request"]: line for word in ("answer", "error") for line in self.told.of(word)}

    def decision_of(self) -> dict[str, Row]:
        return {json.loads(row["metadata"])["request"]: row for row in self.books["decisions"]}


def violations(books: Books, told: Told, upstream: Upstream, most_at_once: int) -> list[str]:
    """Everything that is wrong, in words; empty if all is well."""
    evidence = Evidence(books, told, upstream.by_request(), most_at_once)
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(evidence)]


def the_file_is_sound(evidence: Evidence) -> Iterator[str]:
    if evidence.books.damage:
        yield evidence.books.damage


def no_answer_without_its_row(evidence: Evidence) -> Iterator[str]:
    for line in evidence.told.of("answer"):
        row = evidence.books.decisions.get(line["id"])
        if row is None and line["recorded"]:
            yield f"{line['id']} was returned and is not in the ledger"
        elif row is not None and (row["outcome"], row["session"]) != (line["outcome"], line["session"]):
            yield f"{line['id']} was returned as {line['outcome']} and stands there as {row['outcome']}"
    for line in evidence.told.of("error"):
        if line["recorded"] and line["id"] not in evidence.books.decisions:
            yield f"{line['id']} failed as {line['type']}, was said to be recorded, and is not in the ledger"


def no_half_decision(evidence: Evidence) -> Iterator[str]:
    books = evidence.books
    for table in ("attempts", "calls", "verdicts", "payloads"):
        orphans = {row["decision_id"] for row in books[table]} - books.decisions.keys()
        yield from (f"{table} of {name}, which is no decision" for name in sorted(orphans))
    attempts, calls, verdicts = (books.of_decision(table) for table in ("attempts", "calls", "verdicts"))
    kept = books.of_decision("payloads")
    for name, row in books.decisions.items():
        for found in _half(row, attempts.get(name, []), calls.get(name, []), verdicts.get(name, [])):
            yield f"{name} ({row['outcome']}): {found}"
        if attempts.get(name) and name not in kept:
            yield f"{name}: none of its prompts and answers was kept"


def _half(row: Row, attempts: list[Row], calls: list[Row], verdicts: list[Row]) -> Iterator[str]:
    if [attempt["attempt"] for attempt in attempts] != list(range(len(attempts))):
        yield "its attempts are not numbered from 0 on"
    for what, rows in (("calls", calls), ("verdicts", verdicts)):
        for attempt, group in groupby(rows, lambda one: one["attempt"]):
            places = [one["position"] for one in group]
            if attempt >= len(attempts) or places != list(range(len(places))):
                yield f"the {what} of attempt {attempt} stand at {places}"
    given = {(verdict["attempt"], verdict["position"]): verdict["check"] for verdict in verdicts}
    for call in calls:
        if call["verdict"] is not None and given.get((call["attempt"], call["verdict"])) != call["check"]:
            yield f"a call of the check '{call['check']}' belongs to no verdict"
    yield from _outcome(row, attempts, calls)
    yield from _money(row, calls)


def _outcome(row: Row, attempts: list[Row], calls: list[Row]) -> Iterator[str]:
    if row["outcome"] not in SERVED:
        return
    last = attempts[-1] if attempts else None
    if last is None or (last["ruling"], last["tier"]) != ("accepted", row["tier"]):
        yield f"it was served by tier '{row['tier']}', and its last attempt is {last}"
    elif row["route"] in ("cascade", "probe") and row["tier"] == "efficiency":
        roles = [call["role"] for call in calls if call["attempt"] == last["attempt"]]
        if roles != ["answer", "judge"]:
            yield "its answer was accepted without a judge's call"


def _money(row: Row, calls: list[Row]) -> Iterator[str]:
    unknown = any(call["cost"] is None for call in calls)
    total = None if unknown else sum(units(call["cost"]) for call in calls)
    stated = None if row["cost"] is None else units(row["cost"])
    if stated != total:
        yield f"it cost {stated}, and its calls {total}"


def sessions_count_their_attempts_once(evidence: Evidence) -> Iterator[str]:
    """Up to the first that failed, without a gap and without one twice."""
    judged: defaultdict[str, list[Row]] = defaultdict(list)
    for row in evidence.books["decisions"]:
        if row["session_attempt"] is not None:
            judged[row["session"]].append(row)
    for session, rows in judged.items():
        rows.sort(key=lambda row: row["session_attempt"])
        if [row["session_attempt"] for row in rows] != list(range(1, len(rows) + 1)):
            yield f"session {session} counts its attempts {[row['session_attempt'] for row in rows]}"
        if any(row["failed"] for row in rows[:-1]):
            yield f"session {session} counts attempts after the first that failed"


def no_pin_is_lost(evidence: Evidence) -> Iterator[str]:
    """What the decisions say they did to their sessions' pins, one after another, is what the pins are."""
    told: defaultdict[str, list[Row]] = defaultdict(list)
    for row in evidence.books["decisions"]:
        if row["pin"] is not None:
            told[row["session"]].append(row)
    pins = {pin["session"]: pin for pin in evidence.books["pins"]}
    for session in told.keys() | pins.keys():
        expected, found = _pin_after(told[session]), pins.get(session)
        if found is None and expected is not None and _clock_was_moved(told[session], evidence):
            continue
        stands = found and {
            name: found[name] for name in ("decision_id", "held", "served", "failed_probes", "passed_probes")
        }
        if expected != stands:
            yield f"session {session}: by its decisions its pin is {expected}, and it is {stands}"


def _clock_was_moved(rows: Sequence[Row], evidence: Evidence) -> bool:
    """So far that what it wrote is over by the right clock."""
    far = {line["worker"] for line in evidence.told.of("open") if abs(line["moved"]) >= IDLE_TTL.total_seconds()}
    return any(int(json.loads(row["metadata"])["request"].partition("-")[0]) in far for row in rows)


def _pin_after(rows: Sequence[Row]) -> Row | None:
    pin: Row | None = None
    for row in rows:
        if row["pin"] in ("released", "cleared"):
            pin = None
        elif row["pin"] in ("created", "watched"):
            held = int(row["pin"] == "created")
            pin = {"decision_id": row["id"], "held": held, "served": 0, "failed_probes": 0, "passed_probes": 0}
        elif pin is None:
            return {"decision_id": f"{row['id']} did '{row['pin']}' to a pin that was not there"}
        elif row["pin"] == "held":
            pin["served"] += 1
        elif row["pin"] == "probe_passed":
            pin["passed_probes"] += 1
        elif row["pin"] == "probe_failed":
            pin["passed_probes"], pin["failed_probes"] = 0, pin["failed_probes"] + 1
    return pin


def no_two_probes_at_once(evidence: Evidence) -> Iterator[str]:
    """A lease is got only when the one before has come to its end, or has expired by the clock of who gets it."""
    begun = {line["id"]: line["at"] for line in evidence.told.of("recording")}
    leases: defaultdict[str, list[Line]] = defaultdict(list)
    for line in sorted(evidence.told.of("lease"), key=lambda line: line["at"]):
        leases[line["session"]].append(line)
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in evidence.books["decisions"]:
        rows[row["session"]].append(row)
    for session, lines in leases.items():
        if _clock_was_moved(rows[session], evidence):  # then another pin can stand in the place of the one probed
            continue
        for before, after in pairwise(lines):
            # Killed between its commit and the next word, it can have ended at any time.
            over = begun.get(before["id"], 0.0 if before["id"] in evidence.books.decisions else float("inf"))
            expired = datetime.fromisoformat(after["now"]) >= datetime.fromisoformat(before["expires"])
            if over > after["at"] and not expired:
                yield f"session {session}: {after['id']} probes while {before['id']} does"


def the_ledger_says_what_the_models_say(evidence: Evidence) -> Iterator[str]:
    """Each call that arrived is in the ledger with its tokens, but for requests that a kill or the store cut off."""
    lines, decisions = evidence.line_of(), evidence.decision_of()
    by_request: dict[str, list[Row]] = {}
    calls = evidence.books.of_decision("calls")
    for request, row in decisions.items():
        by_request[request] = calls.get(row["id"], [])
    for request, rows in by_request.items():
        seen = evidence.calls.get(request, ())
        known = all(row["input_tokens"] is not None for row in rows)
        # Of a call that its request's deadline cut off, nobody has told the tokens.
        if not _agree(_sums(rows), _seen(seen), known=known):
            yield f"request {request}: the ledger has (calls, read, written) {_sums(rows)}, the models {_seen(seen)}"
    lost: Counter[int] = Counter()
    for request in evidence.calls.keys() - decisions.keys():
        worker, line = int(request.partition("-")[0]), lines.get(request)
        if line is None:
            lost[worker] += 1
        elif line["recorded"]:
            yield f"request {request} was told as {line['said']}, and has calls and no decision"
    killed = {line["worker"] for line in evidence.told.of("ended") if line["status"] < 0}
    for worker, number in lost.items():
        allowed = evidence.most_at_once if worker in killed else 0
        if number > allowed:
            yield f"worker {worker} left {number} requests without a row, and {allowed} can have been under way"


def _agree(kept: tuple[int, int, int], seen: tuple[int, int, int], *, known: bool) -> bool:
    if known:
        return kept == seen
    return kept[0] == seen[0] and kept[1] <= seen[1] and kept[2] <= seen[2]


def _sums(rows: Sequence[Row]) -> tuple[int, int, int]:
    return (
        sum(1 + row["retries"] for row in rows),
        sum(row["input_tokens"] or 0 for row in rows),
        sum(row["output_tokens"] or 0 for row in rows),
    )


def _seen(calls: Sequence[Call]) -> tuple[int, int, int]:
    return len(calls), sum(call.input_tokens for call in calls), sum(call.output_tokens for call in calls)


def no_budget_is_overspent(evidence: Evidence) -> Iterator[str]:
    """What is counted as spent fits into the budget, is no less than the ledger's sum and no more than the models'."""
    ledger, upstream = _spent_by_ledger(evidence), _spent_upstream(evidence)
    decisions = evidence.books.decisions
    # A call of unknown cost counts as its estimate, which is more than it took.
    guessed = {decisions[call["decision_id"]]["session"] for call in evidence.books["calls"] if call["cost"] is None}
    for row in evidence.books["spending"]:
        if row["scope"] != "session":
            continue
        session, spent = row["name"], row["spent"]
        if spent > units(PER_SESSION):
            yield f"session {session} has spent {spent} of {units(PER_SESSION)}"
        if spent < ledger[session]:
            yield f"session {session} has spent {ledger[session]} by the ledger, and {spent} by its budget"
        if spent > upstream[session] and session not in guessed:
            yield f"session {session} has spent {upstream[session]} at the models, and {spent} by its budget"


def _spent_by_ledger(evidence: Evidence) -> Counter[str]:
    calls, spent = evidence.books.of_decision("calls"), Counter[str]()
    for name, row in evidence.books.decisions.items():
        spent[row["session"]] += sum(units(call["cost"]) for call in calls.get(name, []) if call["cost"] is not None)
    return spent


def _spent_upstream(evidence: Evidence) -> Counter[str]:
    spent = Counter[str]()
    for calls in evidence.calls.values():
        for call in calls:
            spent[call.session] += units(call.cost)
    return spent


def the_counters_are_the_ledgers_sums(evidence: Evidence) -> Iterator[str]:
    books = evidence.books
    keys = ("task", "route", "outcome")
    counted = Counter[tuple[str, ...]]()
    for row in books["tallies"]:
        counted[(row["hour"], *(row[key] for key in keys), row["pin"])] += row["decisions"]
    ledger = Counter(
        (row["at"][:13], *(row[key] for key in keys), row["pin"] or "") for row in books["decisions"]
    )  # fmt: skip
    if counted != ledger:
        yield f"the tallies count {dict(counted - ledger)} more and {dict(ledger - counted)} less than the ledger"
    for role, column in (
        ("efficiency", "efficiency_cost"),
        ("judge", "judge_cost"),
        ("performance", "performance_cost"),
    ):
        kept = sum(row[column] for row in books["tallies"])
        summed = sum(units(call["cost"]) for call in books["calls"] if call["cost"] is not None and _part(call) == role)
        if kept != summed:
            yield f"the tallies have {kept} for {role}, and the calls {summed}"
    latencies = Counter[str]()
    for row in books["latencies"]:
        latencies[row["outcome"]] += row["decisions"]
    outcomes = Counter(row["outcome"] for row in books["decisions"])
    if latencies != outcomes:
        yield f"the latencies count {dict(latencies)}, and the ledger {dict(outcomes)}"


def _part(call: Row) -> str:
    return str(call["role"] if call["role"] != "answer" else call["tier"])


RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    the_file_is_sound,
    no_answer_without_its_row,
    no_half_decision,
    sessions_count_their_attempts_once,
    no_pin_is_lost,
    no_two_probes_at_once,
    the_ledger_says_what_the_models_say,
    no_budget_is_overspent,
    the_counters_are_the_ledgers_sums,
)
