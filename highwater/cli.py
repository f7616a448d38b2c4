"""`highwater`: every command by name, and how errors are reported to a person (one line, exit code 2, no traceback)."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.exceptions import Abort, Exit, TyperException

from models.errors import HighwaterError

COMMANDS = (
    "demo",
    "serve",
    "worker",
    "replay",
    "learn",
    "backtest",
    "simulate",
    "score",
    "detect",
    "impact",
    "changes",
    "tokens",
    "topics",
    "quarantine",
    "watermark",
    "export",
    "backup",
    "config",
    "doctor",
    "habits",
    "schema",
)
"""Command files in `highwater/commands/`, in the order of `--help`."""

app = typer.Typer(
    name="highwater",
    help="Event-driven message-traffic impact monitor: storms, backlogs, silence and failures, with the changes behind them.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _entry(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        from models.distribution import installed_version

        typer.echo(f"highwater {installed_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _name in COMMANDS:
    importlib.import_module(f"highwater.commands.{_name}").register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 the answer is "no", 2 wrong use or unreadable input."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; an error that Highwater defines becomes one line on stderr."""
    try:
        outcome: Any = app(args=list(arguments), prog_name="highwater", standalone_mode=False)
    except Exit as stop:
        return stop.exit_code
    except Abort:
        return _complain("stopped", 130)
    except TyperException as fault:
        return _complain(str(getattr(fault, "format_message", fault.__str__)()) + " (see --help)", 2)
    except HighwaterError as fault:
        return _complain(str(fault), 2)
    except BrokenPipeError:
        # The reader of our output has closed the pipe (`| head`): there is nothing left to report or to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _complain("stopped", 130)
    return outcome if isinstance(outcome, int) else 0


def _complain(message: str, code: int) -> int:
    print(f"highwater: {' '.join(message.split())}", file=sys.stderr)
    return code
