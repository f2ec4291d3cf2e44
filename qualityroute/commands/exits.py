"""How a command ends: each error as one or two lines on stderr and an exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import click

from qualityroute.errors import (
    AnswerRejected,
    BudgetExceeded,
    ConfigError,
    DeadlineExceeded,
    ProviderError,
    QualityRouteError,
    StoreError,
)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
TRACEBACK = "QUALITYROUTE_TRACEBACK"


class Exit(IntEnum):
    GOOD = 0
    REJECTED = 1
    """Some answers were rejected, or some inputs could not be read."""
    USAGE = 2
    DOWN = 3
    """Provider or store."""
    BUG = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    """Who read our output has stopped; what a shell calls SIGPIPE."""


def exit_of(error: QualityRouteError) -> Exit:
    match error:
        case ConfigError():
            return Exit.USAGE
        case AnswerRejected() | BudgetExceeded():
            return Exit.REJECTED
        case ProviderError() | StoreError() | DeadlineExceeded():
            return Exit.DOWN
        case _:
            return Exit.USAGE


@contextmanager
def exit_codes(ctx: click.Context) -> Iterator[None]:
    """Turns what a command raises into its exit code."""
    _write_what_can_be_written()
    try:
        yield
        sys.stdout.flush()
    except QualityRouteError as error:
        tell_error(str(error))
        ctx.exit(exit_of(error))
    except KeyboardInterrupt:
        tell_error("interrupted")
        ctx.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        _close_stdout()
        ctx.exit(Exit.PIPE_CLOSED)
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            name = "standard output" if error.filename is None else f"'{error.filename}'"
            tell_error(f"{name} cannot be written: {error.strerror}")
            _close_stdout()
            ctx.exit(Exit.DOWN)
        tell_error(f"{type(error).__name__}: {error}\nThis is a bug; with {TRACEBACK}=1 it shows where.")
        ctx.exit(Exit.BUG)


def tell_error(message: str) -> None:
    click.echo(f"Error: {_plain(message)}", err=True)


def _plain(message: str) -> str:
    from qualityroute.render.safe import visible  # noqa: PLC0415  (rich, which `--help` does without)

    return "\n".join(visible(line, 2000) for line in message.splitlines())


def _write_what_can_be_written() -> None:
    """A terminal that knows only ASCII gets escapes instead of a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _close_stdout() -> None:
    # The interpreter flushes stdout once more at its end; into a closed pipe that would be told on stderr.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:  # no file behind it, as in tests
        return
