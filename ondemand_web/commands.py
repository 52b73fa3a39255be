# SPDX-License-Identifier: MIT
"""The master's command: `ondemand serve`."""

from __future__ import annotations

import enum
import logging
import pathlib
from typing import Annotated

import typer

from ondemand import settings
from ondemand_web import app, dispatcher, server, service, starting, supervisor
from ondemand_web.people import services as people


class Part(enum.StrEnum):
    """A part of the master."""

    WEB = "web"
    """API and pages."""
    DISPATCHER = "dispatcher"
    """Check, queue, storage, deliveries."""


def serve(
    all_in_one: Annotated[bool, typer.Option("--all-in-one", help="Also a private broker and a builder.")] = False,
    only: Annotated[Part | None, typer.Option(help="Run one part of the master in this process.")] = None,
    add_builder: Annotated[str, typer.Option(metavar="NAME", help="Make a builder; print its token; end.")] = "",
    add_person: Annotated[str, typer.Option(metavar="NAME", help="Make a person; print the token; end.")] = "",
    ready_file: Annotated[
        pathlib.Path | None, typer.Option(help="With --all-in-one: a file written when all answers.")
    ] = None,
) -> None:
    """Run the master: web and dispatcher, or the whole service on one machine."""
    options = settings.load()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if all_in_one:
        supervisor.all_in_one(options, ready_file)
        return
    here = service.make(options)
    if add_builder:
        typer.echo(people.add_builder(here.database, add_builder))
    elif add_person:
        typer.echo(people.add_person(here.database, add_person))
    elif only is Part.DISPATCHER:
        dispatcher.run(here)
    elif only is Part.WEB:
        _web(here)
    else:
        supervisor.master(options)


def _web(here: service.Service) -> None:
    starting.address(here.settings.master)
    server.serve(app.make(here), here)
