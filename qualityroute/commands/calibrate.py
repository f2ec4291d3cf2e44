"""`qualityroute calibrate`: prove a threshold on labels, or say what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import click

from qualityroute.calibration import Certificate, Certified, Refused
from qualityroute.certifying import (
    Calibration,
    CertifiedBefore,
    Wish,
    cases_of,
    certificate_from,
    labels_since,
    parts_changed,
    promises_already,
)
from qualityroute.certifying import calibrate as calibrated
from qualityroute.commands.exits import Exit
from qualityroute.commands.options import Integer, as_json, placed
from qualityroute.commands.places import Place, opened
from qualityroute.config import Config, ResolvedTask, resolve
from qualityroute.doors import new_decision_id
from qualityroute.errors import ConfigError
from qualityroute.pipelines import pipeline_of
from qualityroute.render.certificate_view import calibration_lines
from qualityroute.render.safe import visible


@dataclass(frozen=True, slots=True)
class Outcome:
    calibration: Calibration
    certificate: Certificate | None
    changed: list[str]
    """Parts of the pipeline that were others in the newest certificate."""


@click.command("calibrate")
@click.argument("task")
@click.option(
    "--alpha", type=float, default=None, help="Share of accepted answers that may differ. [task's accept.alpha]"
)
@click.option("--delta", type=float, default=None, help="1 - delta is the confidence. [task's accept.delta]")
@click.option("--looks", type=Integer(1, 20), default=1, show_default=True,
              help="How many looks at the labels to plan for; each takes its part of delta.")  # fmt: skip
@click.option("--anytime", is_flag=True, help="A test that may be asked as often as one likes; it needs more labels.")
@click.option("--renew", is_flag=True, help="Prove it anew on the labels since the certificate in force.")
@placed
@as_json
def calibrate(
    place: Place,
    task: str,
    alpha: float | None,
    delta: float | None,
    looks: int,
    anytime: bool,
    renew: bool,
    plain_json: bool,
) -> None:
    """Certify the threshold of TASK on its labels, or say how many are still needed (exit code 1).

    Labels come from audits, from `baseline compare`, and from people by `baseline import`.
    """
    if anytime and looks > 1:
        raise click.UsageError("--looks is for the exact test; --anytime may be asked any number of times.")
    config = place.load()
    resolved = resolve(config)
    if task not in resolved:
        raise ConfigError(f"no task '{task[:100]}'; there are: {', '.join(sorted(resolved))}")
    wish = _wish(resolved[task], alpha, delta, looks, anytime=anytime)
    found = anyio.run(partial(_calibrated, place, config, resolved[task], wish, renew=renew))
    if plain_json:
        click.echo(json.dumps(_json(found), indent=2))
    else:
        for line in calibration_lines(resolved[task], found.calibration, found.certificate):
            click.echo(visible(line, 2000))
        if found.changed:
            click.echo(f"  Changed since the last certificate: {', '.join(found.changed)}.")
    if found.certificate is None:
        click.get_current_context().exit(Exit.REJECTED)


def _wish(task: ResolvedTask, alpha: float | None, delta: float | None, looks: int, *, anytime: bool) -> Wish:
    accept = task.settings.accept
    wanted = Wish(
        accept.alpha if alpha is None else alpha,
        accept.delta if delta is None else delta,
        "anytime" if anytime else "exact",
        looks,
    )
    for name, value, most in (("alpha", wanted.alpha, 0.5), ("delta", wanted.delta, 1.0)):
        if not 0 < value < most:  # NaN too
            raise ConfigError(f"--{name} {value!r}: give a number between 0 and {most:g}, such as 0.05")
    return wanted


async def _calibrated(place: Place, config: Config, task: ResolvedTask, wish: Wish, *, renew: bool) -> Outcome:
    pipeline, now = pipeline_of(config, task), datetime.now(UTC)
    async with opened(place.store(config)) as store:
        newest = await store.certificate(task.name)
        since = labels_since(newest, pipeline.key, now, renew=renew)
        cases = cases_of(await store.labels(task.name), pipeline.key, since)
        if newest is not None and not renew and promises_already(newest, pipeline.key, wish, now):
            return Outcome(Calibration(CertifiedBefore(newest), None, cases), newest, [])
        looks = [look for look in await store.looks(task.name, pipeline.key) if since is None or look.at > since]
        calibration = calibrated(cases, looks, wish, pipeline, now)
        certificate = None
        if isinstance(calibration.finding, Certified):
            certificate = certificate_from(
                calibration.finding, pipeline, wish, identity=new_decision_id(), now=now,
                max_age=task.settings.accept.max_age,
            )  # fmt: skip
        if calibration.look is not None:
            await store.issue(calibration.look, certificate)
        return Outcome(calibration, certificate, parts_changed(newest, pipeline))


def _json(found: Outcome) -> dict[str, Any]:
    cases = found.calibration.cases
    return {
        "certified": found.certificate is not None,
        **dict(_finding(found)),
        "changed": found.changed,
        "labels": {
            "usable": len(cases.usable),
            "by_people": cases.by_people,
            "unscored": cases.unscored,
            "incomparable": cases.incomparable,
            "repeated": cases.repeated,
            "other_pipelines": cases.other_pipelines,
            "outdated": cases.outdated,
        },
    }


def _finding(found: Outcome) -> Iterator[tuple[str, Any]]:
    finding, certificate = found.calibration.finding, found.certificate
    if certificate is not None:
        yield "promise", certificate.promise
        yield (
            "certificate",
            {
                "id": certificate.id,
                "threshold": certificate.threshold,
                "alpha": certificate.alpha,
                "delta": certificate.delta,
                "accepted": certificate.accepted,
                "bad": certificate.bad,
                "cases": certificate.cases,
                "upper_bound": certificate.upper_bound,
                "test": certificate.test,
                "at": certificate.at.isoformat(),
                "until": certificate.until.isoformat(),
                "pipeline": certificate.pipeline,
            },
        )
    elif not isinstance(finding, Certified | CertifiedBefore):
        yield "why", finding.why
        yield "labels_needed", finding.cases_to_go if isinstance(finding, Refused) else getattr(finding, "to_go", None)
