# SPDX-License-Identifier: MIT
"""The master's command: `ondemand serve`."""

from __future__ import annotations

import enum
import logging
import pathlib
from typing import Annotated

import typer

from ondemand import settings
from ondemand.commands import output
from ondemand_web import app, dispatcher, server, service, starting, supervisor
from ondemand_web.events import services as events
from ondemand_web.people import services as people


class Part(enum.StrEnum):
    """A part of the master."""

    WEB = "web"
    """API and pages."""
    DISPATCHER = "dispatcher"
    """Check, queue, storage, deliveries."""


class Sink(enum.StrEnum):
    """Where events are delivered to."""

    BUS = events.BUS
    MAIL = events.MAIL


SHOWN = 1000
"""Deliveries that `--show-parked` shows at most, the oldest first."""


def serve(
    all_in_one: Annotated[bool, typer.Option("--all-in-one", help="Also a private broker and a builder.")] = False,
    only: Annotated[Part | None, typer.Option(help="Run one part of the master in this process.")] = None,
    add_builder: Annotated[str, typer.Option(metavar="NAME", help="Make a builder; print its token; end.")] = "",
    add_person: Annotated[str, typer.Option(metavar="NAME", help="Make a person; print the token; end.")] = "",
    show_parked: Annotated[bool, typer.Option("--show-parked", help="Show the deliveries that were given up; end.")] = False,
    deliver_parked: Annotated[
        Sink | None, typer.Option(help="Have the sink's deliveries that were given up tried again; end.")
    ] = None,
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
    elif show_parked:
        _show_parked(here)
    elif deliver_parked:
        typer.echo(f"deliveries to {deliver_parked} that are tried again: {events.deliver_again(here.database, deliver_parked)}")
    elif only is Part.DISPATCHER:
        starting.settle()
        dispatcher.run(here)
    elif only is Part.WEB:
        _web(here)
    else:
        supervisor.master(options)


def _show_parked(here: service.Service) -> None:
    table = output.table("sink", "subject", "number", "event", "at", "recipient", "reason")
    with here.database.reading() as session:
        rows = events.given_up(session, SHOWN)
    for delivery, event in rows:
        at = event.at.isoformat(timespec="seconds")
        table.add_row(delivery.sink, event.subject, str(event.seq), event.kind, at, delivery.recipient, delivery.error or "")
    output.console.print(table if rows else "no delivery was given up")


def _web(here: service.Service) -> None:
    starting.address(here.settings.master)
    application = app.make(here)
    starting.settle()
    server.serve(application, here)
