"""`qualityroute baseline`: ground truth from the performance tier and from people."""

from __future__ import annotations

import click

from qualityroute.commands.baseline_compare import compare
from qualityroute.commands.baseline_import import import_labels
from qualityroute.commands.baseline_run import run


@click.group()
def baseline() -> None:
    """Keep reference answers, and hold the efficiency tier against them.

    First `run` asks the performance tier and keeps its answers; `compare` then asks the efficiency tier with its
    whole gate, and says how good and how dear both are. `import` brings in what people say is right.
    """


for command in (run, compare, import_labels):
    baseline.add_command(command)
