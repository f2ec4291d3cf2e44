"""The command line: one group, and each command imported only when it is called."""

from __future__ import annotations

import difflib
import importlib

import click

from qualityroute import __version__
from qualityroute.commands.exits import exit_codes

COMMANDS: dict[str, str] = {
    "demo": "Show the whole story with practice models: no key, no network.",
    "init": "Write a commented configuration with a schema, a rubric and a document.",
    "check": "Check everything a configuration names, before the first request.",
    "run": "Answer files, or lines of JSON, one JSON line each.",
    "pins": "List, show, add, release and export pinned sessions.",
    "keys": "Add, list and revoke the keys of the gateway.",
    "report": "Show how often each task falls back, what it cost and saved.",
    "check-tiers": "Say whether performance is truly better than efficiency on a task.",
    "calibrate": "Certify a task's threshold on labels, or say how many are missing.",
    "judge": "Test a task's judge on mistakes made on purpose, and on itself.",
    "explain": "Tell one decision from route to cost.",
    "baseline": "Keep reference answers, and hold the efficiency tier against them.",
    "store": "Prune, check, export and vacuum the store.",
    "serve": "Serve any OpenAI client: the gateway.",
    "practice": "Serve the practice models, a stand-in without a key.",
}
"""Each is the function of its name, in the file of its name under `commands/`; a hyphen stands for an underscore."""


class LazyGroup(click.Group):
    """Knows its commands by name, and turns our errors into exit codes: the one place that does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"qualityroute.commands.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not (name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name)):
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"No such command '{name}'; " + (f"did you mean '{close[0]}'?" if close else "--help lists them."))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        with exit_codes(ctx):
            return super().invoke(ctx)


@click.group("qualityroute", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qualityroute")
def main() -> None:
    """The cheap model answers first, each answer is proved before it is served, and what fails falls back.

    Try `qualityroute demo` first. Exit codes: 0 good, 1 some answers were rejected or inputs bad,
    2 usage or configuration, 3 provider or store down.
    """
