"""`qualityroute practice`: the practice provider alone."""

from __future__ import annotations

import click

from qualityroute.commands.options import Integer
from qualityroute.commands.stand_in import PORT
from qualityroute.errors import ConfigError
from qualityroute.practice import PracticeServer
from qualityroute.practice.replies import MODELS


@click.command()
@click.option("--port", type=Integer(0, 65_535), default=PORT, show_default=True, help="0: any free one.")
def practice(port: int) -> None:
    """Serve the practice models on loopback until Ctrl-C.

    They are a stand-in: small programs behind an OpenAI-compatible endpoint, no language models.
    """
    try:
        server = PracticeServer(port=port)
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used ({error.strerror}); name another by --port") from error
    click.echo(f"Practice provider at {server.base_url}: a stand-in, no language model. End it with Ctrl-C.")
    for name, description in MODELS.items():
        click.echo(f"  practice/{name:8} {description}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("The practice provider has ended.", err=True)
