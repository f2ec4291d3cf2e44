"""What an hour's samples say: how fast memory, files, threads and tasks grow, and how requests ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from results import Row
from soak_samples import MIB
from soak_slope import Slope, medians, slope_of

WARM_UP = 1 / 3
"""The first part of the run fills pools and caches (of 1,024 schemas and 6 MiB of pages), and is not judged."""
FEWEST_MINUTES = 30
"""A shorter run tells how caches fill, and promises nothing."""
JUDGED_POINTS = 50
LIMIT = 1.0
"""MiB of resident memory over 10,000 requests."""
GROWING = {
    "resident": "MiB",
    "anonymous": "MiB",
    "heap used": "MiB",
    "heap free": "MiB",
    "sqlite": "MiB",
    "objects": "thousand",
    "blocks": "thousand",
    "files": "",
    "threads": "",
    "tasks": "",
    "p50": "ms",
}


def flat(sample: Mapping[str, Any]) -> dict[str, Any]:
    """With the inside's figures beside the others, in the units of the picture."""
    inside, total = sample["inside"], sum(sample["outcomes"].values())
    failed = sum(count for outcome, count in sample["outcomes"].items() if is_failure(outcome))
    more: dict[str, Any] = {"failed": 100 * failed / total if total else None}
    if inside:
        more |= {"tasks": inside["tasks"], "objects": inside["objects"] / 1000}
        if "sqlite" in inside:
            more |= {"sqlite": inside["sqlite"] / MIB, "blocks": inside["blocks"] / 1000}
        more |= {f"heap {kind}": size / MIB for kind, size in inside["heap"].items()}
    return {**sample, **more}


def is_failure(outcome: str) -> bool:
    """Not the client's own doing: a fault that came through to a client."""
    return outcome not in ("200", "200 [DONE]", "left") and not outcome.startswith(("400", "404"))


def title_of(samples: Sequence[Mapping[str, Any]]) -> str:
    return f"{samples[-1]['minute']:.0f} minutes, {samples[-1]['requests']:,} requests, one call of ten fails"


def growth(samples: Sequence[Mapping[str, Any]], figure: str, along: str) -> Slope:
    """After the warm-up."""
    judged = samples[int(len(samples) * WARM_UP) :]
    points = [(sample[along], sample[figure]) for sample in judged if sample.get(figure) is not None]
    return slope_of(medians(points, JUDGED_POINTS))


def figures(samples: Sequence[Mapping[str, Any]], faults: Mapping[str, int]) -> Iterator[Row]:
    """Of flat samples. The least and most of a growth are the ends of its 95 % interval."""
    last = samples[-1]
    yield Row("minutes", last["minute"], "")
    yield Row("requests", last["requests"], "")
    yield Row("faults played by the upstream", sum(faults.values()), "")
    yield Row("gateway's CPU", 100 * last["cpu"] / (60 * last["minute"]), "% of a core")
    found = growth(samples, "resident", "requests").times(10_000)
    row = Row("resident memory grows over 10,000 requests", found.value, "MiB", min=found.low, max=found.high)
    yield row.at_most(LIMIT) if last["minute"] >= FEWEST_MINUTES else row
    for name, unit in GROWING.items():
        if last.get(name) is not None:
            found = growth(samples, name, "minute").times(60)
            yield Row(f"{name}: grows in an hour", found.value, unit, min=found.low, max=found.high)
            yield Row.of(f"{name}: in all samples", [sample[name] for sample in samples if name in sample], unit)
    yield Row("most WAL", max(sample["wal"] for sample in samples), "MiB")
    yield Row("store at the end", last["store"], "MiB")
    yield from endings(samples)


def endings(samples: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    counts: Counter[str] = Counter()
    for sample in samples:
        counts.update(sample["outcomes"])
    for outcome, count in counts.most_common():
        yield Row(f"requests that ended with {outcome}", count, "")
