"""Serving."""

import click

from .common import one_sentence, settings_of_environment


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256))
def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C, and then finish what was received."""
    # The server is loaded by the one command that needs it.
    from .. import server as serving

    with one_sentence():
        settings = settings_of_environment()
        address = serving.check(settings, host, port, workers)
        durable = serving.prepare(settings)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Listening on http://{shown}:{port} with {workers} worker(s).")
    click.echo(serving.told(settings, durable))
    with one_sentence():
        serving.serve(settings, address, port, workers)
