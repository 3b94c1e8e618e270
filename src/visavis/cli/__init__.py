"""The command line. One module per command, with a function of the same name; each imports what it needs inside
that function, so that ``visavis --help`` is quick.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Annotated, Final

import typer

from visavis import __version__
from visavis.errors import VisavisError

COMMANDS: Final = ("create", "render", "track", "up", "serve", "join", "doctor", "bench")

app = typer.Typer(
    name="visavis",
    help="Give a LiveKit room a face: a portrait photo that speaks, lip-synced, on ordinary CPUs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"visavis {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for _name in COMMANDS:
    app.command(_name)(getattr(import_module(f"visavis.cli.{_name}"), _name))


def main() -> None:
    """Run a command; what goes wrong is shown as a message and a hint, never as a traceback."""
    # Without a handler, Python would print warnings and tracebacks of the library on its own.
    logging.getLogger("visavis").addHandler(logging.NullHandler())
    try:
        app()
    except VisavisError as error:
        _fail(error.message, error.hint)
    except ExceptionGroup as group:
        expected = group.subgroup(VisavisError)
        if expected is None:
            raise
        _fail_of_group(expected)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except MemoryError:
        _fail("The memory of this machine is not enough.", "Choose a smaller size.")


def _fail_of_group(group: ExceptionGroup[VisavisError]) -> None:
    first = group.exceptions[0]
    if isinstance(first, ExceptionGroup):
        _fail_of_group(first)
    else:
        _fail(first.message, first.hint)


def _fail(message: str, hint: str = "") -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    sys.exit(1)
