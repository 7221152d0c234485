"""Commands of the service: serve, token."""

from __future__ import annotations

import errno
import socket
from dataclasses import asdict, replace
from pathlib import Path

import click

from api import folder as folders
from api.commands.options import data_option, folder, format_option, graph_option, settings
from api.printing import show
from api.security import Tokens
from kg.errors import UserError


@click.command("serve")
@click.option(
    "--host", default=None, help="Address to listen on; 0.0.0.0 opens it to the network.  [default: 127.0.0.1]"
)
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port; 0 takes a free one.  [default: 8000]")
@data_option
@graph_option
def serve_command(host: str | None, port: int | None, data: Path | None) -> None:
    """Serve the search page, HTTP and SPARQL until stopped (Ctrl+C).

    Example: filiere serve --port 8080
    """
    chosen = settings()
    chosen = replace(chosen, data=folder(data), host=host or chosen.host, port=chosen.port if port is None else port)
    listener = _listen(chosen.host, chosen.port)
    import uvicorn

    from api.app import create_app
    from api.engine import Engine
    from api.protocol import bounded

    with Engine.open(
        chosen.data, write=True, model=chosen.model or None, graph=chosen.store(), catch_up=False
    ) as engine:
        where = f"http://{'[' + chosen.host + ']' if ':' in chosen.host else chosen.host}:{listener.getsockname()[1]}/"
        click.echo(f"Filière serves {chosen.data} at {where}", err=True)
        config = uvicorn.Config(
            create_app(engine, chosen), log_config=None, access_log=False, server_header=False, timeout_keep_alive=20,
            timeout_graceful_shutdown=10, limit_concurrency=512, http=bounded(chosen.request_seconds),
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, so that a taken port is said before anything is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only over sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"Port {port} of {host} is taken.", "Stop what listens there, or choose another --port."
            ) from error
        raise UserError(
            f"Cannot listen on {host}:{port} ({error.strerror}).", "Choose another --host or --port."
        ) from error
    return listener


@click.group("token")
def token_command() -> None:
    """Tokens for writing over HTTP; only their hashes are stored.

    Example: filiere token create --scope write:clusters-fr
    """


def _tokens(data: Path | None) -> Tokens:
    return Tokens(folders.existing(folder(data)).tokens)


@token_command.command("create")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="write:NAME for one source, write:* for all; may be repeated.",
)
@click.option("--note", default="", help="Who it is for.")
@data_option
def token_create(scopes: tuple[str, ...], note: str, data: Path | None) -> None:
    """Make a token and print its secret, this once.

    Example: filiere token create --scope write:clusters-fr --note "web server"
    """
    token, secret = _tokens(data).create(scopes, note)
    click.echo(secret)
    click.echo(f"Token {token.id} for {', '.join(token.scopes)}. The secret is not kept; store it now.", err=True)


@token_command.command("list")
@format_option
@data_option
def token_list(form: str, data: Path | None) -> None:
    """List the tokens without their secrets.

    Example: filiere token list
    """
    show([asdict(token) for token in _tokens(data).all()], ("id", "scopes", "note", "created"), form)


@token_command.command("revoke")
@click.argument("token_id")
@data_option
def token_revoke(token_id: str, data: Path | None) -> None:
    """Make a token worthless from now on.

    Example: filiere token revoke 1a2b3c4d
    """
    token = _tokens(data).revoke(token_id)
    click.echo(f"Token {token.id} was revoked.")
