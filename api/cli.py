"""The command line: `filiere COMMAND`. Each command lives in api/commands and loads only what it needs."""

from __future__ import annotations

import importlib
import sys

import click

from api.outcomes import outcome
from api.settings import Settings, table
from kg import garbage
from kg.errors import FiliereError

# Command → the module that holds it and one line of help, so that `filiere --help` imports none of them.
COMMANDS = {
    "demo": ("keeping", "Make a data folder with the sample data and answer three needs."),
    "serve": ("serving", "Serve HTTP, SPARQL and the search page."),
    "import": ("writing", "Make files the new version of a source."),
    "vocabulary": ("writing", "Add a vocabulary (CPV, NACE, ESCO, any SKOS or table of labels)."),
    "search": ("asking", "Find who can meet a need, with the reasons."),
    "why-not": ("asking", "Say why an actor is not among the answers, and what would bring it in."),
    "sparql": ("asking", "Put a SPARQL query to the graph."),
    "update": ("changing", "Run a SPARQL update: all of it is written, or nothing."),
    "history": ("changing", "List what was written, the newest first."),
    "undo": ("changing", "Take back what one write changed."),
    "erase": ("erasing", "Erase a record for good, at its owner's request."),
    "erasures": ("erasing", "List what was erased, by its hash, or lift an erasure."),
    "tags": ("tagging", "List the competencies actors are tagged with; confirm or reject them."),
    "publish": ("publishing", "Write what this node publishes as plain files for a static web server."),
    "reconcile": ("reconciling", "Find the actors and competencies that the rows of a spreadsheet mean."),
    "identity": ("identity", "Find which actors are one; review, confirm, reject, undo."),
    "evaluate": ("asking", "Measure the answers on judged needs."),
    "peers": ("peers", "List, add or remove the nodes that are asked live."),
    "sources": ("writing", "List the sources; add, show, release, pause or remove one."),
    "harvest": ("harvesting", "Bring sources up to what they say now where they are published."),
    "status": ("keeping", "Show what the data folder holds and how far each view has come."),
    "check": ("keeping", "Compare journal, graph and index; repair what does not agree."),
    "export": ("exporting", "Write what sources say to a file, with their licences and attributions."),
    "backup": ("keeping", "Write one archive from which everything can be restored."),
    "restore": ("keeping", "Make a new data folder from a backup."),
    "token": ("serving", "Create, list and revoke tokens for writing over HTTP."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"api.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])
        with formatter.section("Environment"):
            formatter.write_dl([(variable, f"{says} [{default or 'empty'}]") for _, variable, default, says in table()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="filiere", prog_name="filiere")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Who can make, supply or do what we need, and how do we know?

    Example: filiere search "pièces pour respirateurs" --country FR
    """
    ctx.obj = Settings.from_environment()
    if ctx.obj.crash_at:
        from kg import faults

        name, _, nth = ctx.obj.crash_at.partition(":")
        faults.arm(name, int(nth or 1))


def main() -> None:
    """Runs a command; an error of the house becomes one message and its exit code."""
    garbage.seldom()
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(1)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except FiliereError as error:
        click.echo(click.style("Error: ", fg="red", bold=True) + str(error), err=True)
        sys.exit(outcome(error).exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe went away; Python would complain about it at exit
        sys.exit(0)


if __name__ == "__main__":
    main()
