# SPDX-License-Identifier: MIT
"""The commands `trigger replay`, `parked` and `unpark`: what recorded messages would order, and those that were set aside."""

from __future__ import annotations

import collections
import dataclasses
import logging
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ondemand import errors, recordings, triggers
from ondemand.client import Client
from ondemand.commands import options, output, rules
from ondemand.facts import Facts
from ondemand.orders import Order
from ondemand.wishes import REPLAY, ReplayedWish

if TYPE_CHECKING:
    from ondemand.parked import Handled, ParkedQueue

app = typer.Typer(help="What messages of the bus order by themselves.", no_args_is_help=True)
for _name, _command in rules.COMMANDS.items():
    app.command(_name)(_command)
Conf = Annotated[pathlib.Path, typer.Option("--conf", help="The trigger's fedora-messaging configuration.")]
Limit = Annotated[int, typer.Option(help="How many messages at most.", min=1, max=10_000)]
Drop = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="Throw this message away instead, and hand none over; may be repeated.")
]
_TOLD = {"rule", "release", "image_type", "arch", "state", "reason"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """What a file's messages say: facts by line, malformed ones by line, and how many say nothing of interest."""

    facts: dict[int, Facts]
    malformed: dict[int, str]
    silent: int


@app.command()
def replay(
    file: Annotated[pathlib.Path, typer.Argument(metavar="FILE", help="What `fedora-messaging record` wrote.")],
    conf: Annotated[
        pathlib.Path | None, typer.Option(help="The trigger's fedora-messaging configuration, for its triggers' options.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print what recorded messages would order by the rules as they are now, and why; orders nothing.

    Rules that are switched off are judged, too, and pauses don't count. Each 1000 messages are judged by themselves.
    """
    tables = triggers.options(_loaded(conf)["consumer_config"]).triggers if conf else {}
    told = read(triggers.Triggers(tables), file)
    wishes = list(_judged(options.client(), list(told.facts.values())))
    rows = [row for number, wish in zip(told.facts, wishes, strict=True) for row in _rows(number, told.facts[number], wish)]
    seams = list(told.facts)[REPLAY::REPLAY]
    if as_json:
        output.print_json({"decisions": rows, "malformed": told.malformed, "of_no_interest": told.silent, "anew_from_lines": seams})
        return
    table = output.table("line", "subject", "happened", "rule", "image", "state", "reason")
    for row in rows:
        image = " ".join(str(row[name]) for name in ("release", "image_type", "arch") if row[name])
        table.add_row(str(row["line"]), row["subject"], row["happened"], row["rule"] or "", image, row["state"], row["reason"])
    if rows:
        output.console.print(table)
    for number, why in told.malformed.items():
        output.console.print(f"line {number}: {why}")
    for number in seams:
        output.console.print(f"from line {number} on all is judged anew: what waited, was ordered or signed before counts for nothing")
    states = collections.Counter(row["state"] for row in rows)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no decisions"
    output.console.print(
        f"{len(told.facts)} messages with facts: {counts}; {told.silent} of no interest, {len(told.malformed)} malformed"
    )


@app.command()
def parked(conf: Conf, limit: Limit = 100, as_json: options.Json = False) -> None:
    """Show the messages that the trigger could not handle, and what it says of them now; they stay."""
    given, queue = _queue(conf)
    known = triggers.Triggers(given.triggers, with_orders=given.orders)
    _print(queue.handle(lambda heard: _said(known.said(heard)), limit, keep=True), as_json)


@app.command()
def unpark(conf: Conf, limit: Limit = 100, drop: Drop = None, as_json: options.Json = False) -> None:
    """Hand the messages over that the trigger could not handle; those that are refused again stay, and count for none."""
    given, queue = _queue(conf)
    if drop:
        gone = queue.drop(drop)
        if missing := sorted(set(drop) - {each.heard.message_id for each in gone}):
            raise errors.InvalidRequest(
                f"No message {', '.join(missing)} is parked",
                cause="it was handed over or thrown away before; every other one that was named is gone now",
                remedy="see `ondemand trigger parked`",
            )
        _print(gone, as_json)
        return
    known = triggers.Triggers(given.triggers, with_orders=given.orders)
    master = Client(given.address, given.token)

    def hand_over(heard: triggers.Heard) -> str:
        said = known.said(heard)
        return "handed over" if said and master.offer(said) else "known already" if said else _said(None)

    _print(queue.handle(hand_over, limit), as_json)


def read(known: triggers.Triggers, file: pathlib.Path) -> Told:
    """What the messages of a file say."""
    facts: dict[int, Facts] = {}
    malformed: dict[int, str] = {}
    silent = 0
    for number, heard in recordings.read(file):
        try:
            if isinstance(heard, errors.InvalidRequest):
                raise heard
            if found := known.facts(heard):
                facts[number] = found
            else:
                silent += 1
        except errors.OndemandError as error:
            malformed[number] = error.sentence
    return Told(facts=facts, malformed=malformed, silent=silent)


def _judged(client: Client, facts: list[Facts]) -> Iterator[ReplayedWish]:
    for start in range(0, len(facts), REPLAY):
        piece = facts[start : start + REPLAY]
        wishes = client.would_order(piece)
        if len(wishes) != len(piece):
            raise errors.MasterUnavailable(
                f"The service judged {len(wishes)} messages of {len(piece)}", cause="it is of another version"
            )
        yield from wishes


def _rows(number: int, facts: Facts, wish: ReplayedWish) -> Iterator[dict[str, Any]]:
    """A row for each decision, and one where there is none, so that no message goes unmentioned."""
    message = {"line": number, "message_id": facts.message_id, "subject": facts.subject, "happened": facts.happened.value}
    for decision in wish.decisions:
        yield {**message, **decision.model_dump(mode="json", include=_TOLD)}
    if not wish.decisions:
        yield {**message, **dict.fromkeys(_TOLD), "state": "none", "reason": wish.note or "no rule decides about it"}


def _said(said: Facts | Order | None) -> str:
    if isinstance(said, Order):
        return triggers.called(said)
    return f"{said.subject}: {said.happened}" if said else "of no interest"


def _print(seen: list[Handled], as_json: bool) -> None:
    rows = [
        {
            "message_id": each.heard.message_id,
            "topic": str(each.heard.topic),
            "sent_at": each.heard.sent_at.isoformat(timespec="seconds"),
            "stays": not each.gone,
            "outcome": each.outcome,
        }
        for each in seen
    ]
    if as_json:
        output.print_json(rows)
        return
    table = output.table("message", "topic", "sent", "stays", "outcome")
    for row in rows:
        table.add_row(*(("no", "yes")[value] if isinstance(value, bool) else str(value) for value in row.values()))
    output.console.print(table if rows else "no message is parked")


def _queue(conf: pathlib.Path) -> tuple[triggers.TriggerOptions, ParkedQueue]:
    from ondemand.parked import ParkedQueue  # Here, since no other command needs AMQP's library.

    logging.getLogger("pika").setLevel(logging.CRITICAL)  # What it logs with tracebacks is our error's one sentence.
    loaded = _loaded(conf)
    given = triggers.options(loaded["consumer_config"])
    return given, ParkedQueue(loaded, given.parked)


def _loaded(conf: pathlib.Path) -> Mapping[str, Any]:
    from fedora_messaging import config, exceptions  # Here, since they double the time that each command takes to start.

    try:
        conf.stat()  # Of a file that is not there fedora-messaging takes its defaults.
        loaded: Mapping[str, Any] = config.LazyConfig().load_config(str(conf))
        return loaded
    except (exceptions.ConfigurationException, OSError) as error:
        raise errors.CannotStart(
            f"The fedora-messaging configuration {conf} can't be used",
            cause=" ".join(str(error).split())[:300],
            remedy="compare it with fedora-messaging.toml.example",
        ) from error
