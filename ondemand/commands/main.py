# SPDX-License-Identifier: MIT
"""The program `ondemand`: gathers the commands and turns errors into one sentence and an exit status."""

from __future__ import annotations

import os
import sys

import typer

from ondemand import errors, registry
from ondemand.commands import builds, checks, differences, output, resolutions, sets, trigger, uploads

COMMANDS = "ondemand.commands"
_GROUPS = {"set": sets.app, "trigger": trigger.app}


def make(word: str = "") -> typer.Typer:
    """The program with the commands of every installed room.

    Where `word` is a command, those of other rooms are left out: their libraries take over a second to import, and a
    builder would hold the master's for as long as it runs.
    """
    app = typer.Typer(
        name="ondemand",
        help="Ask for a Fedora image with exactly the builds you name.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    ours = {**builds.COMMANDS, **checks.COMMANDS, **differences.COMMANDS, **resolutions.COMMANDS, **uploads.COMMANDS}
    others = {} if word in ours or word in _GROUPS else registry.load_all(COMMANDS, word)
    for name, command in {**ours, **{name: others[name] for name in others if name not in ours}}.items():
        app.command(name)(command)
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name)
    return app


def main() -> None:
    """Runs the program; an error is a sentence on standard error, and a line for each reason that is not in it."""
    try:
        make(*sys.argv[1:2])(prog_name="ondemand")
    except errors.OndemandError as error:
        for line in output.reasons(f"ondemand: {error}", error.details):
            print(line, file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        _flush()


def _flush() -> None:
    """Writes the rest out, so that a reader who has gone is no error of the interpreter's end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
