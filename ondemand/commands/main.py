# SPDX-License-Identifier: MIT
"""The program `ondemand`: gathers the commands and turns errors into one sentence and an exit status."""

from __future__ import annotations

import os
import sys

import click
import typer

from ondemand import errors, registry
from ondemand.commands import builds, checks, differences

COMMANDS = "ondemand.commands"


def make() -> typer.Typer:
    """The program with the commands of every installed room."""
    app = typer.Typer(
        name="ondemand",
        help="Ask for a Fedora image with exactly the builds you name.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, command in {**builds.COMMANDS, **checks.COMMANDS, **differences.COMMANDS, **registry.load_all(COMMANDS)}.items():
        app.command(name)(command)
    return app


def main() -> None:
    """Runs the program; an error is one sentence on standard error."""
    try:
        make()(standalone_mode=False)
    except errors.OndemandError as error:
        print(f"ondemand: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
