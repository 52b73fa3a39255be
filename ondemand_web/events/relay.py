# SPDX-License-Identifier: MIT
"""Carries deliveries to their sinks: bus and notifiers. Order is kept per subject; a permanent error is parked."""

from __future__ import annotations

import datetime
import logging
import uuid
from collections.abc import Callable, Mapping

import sqlalchemy as sa
import sqlalchemy.exc
from fedora_messaging import api
from fedora_messaging import exceptions as bus_errors
from sqlalchemy import orm

from ondemand import bus, errors, plugins
from ondemand.builds import BuildRecord
from ondemand_web import starting
from ondemand_web.builds import records
from ondemand_web.builds.models import Build
from ondemand_web.database import Now, clock
from ondemand_web.events import composing
from ondemand_web.events import services as events
from ondemand_web.events.models import Delivery, Event
from ondemand_web.service import Service
from ondemand_web.wishes.models import Decision, WishedBuild

log = logging.getLogger(__name__)
PUBLISH_TIMEOUT = 10
TRIES = 60
DELAYS = (1, 2, 5, 10, 30, 60, 300)
"""Seconds until a delivery is tried again; the last one repeats, up to TRIES, or as long as the sink itself is away."""
_SPACE = uuid.UUID("6f1f4b2e-2a3c-5d0e-9a53-6b7f1d0c9a11")

Deliver = Callable[[Event, Delivery, BuildRecord | None], None]
"""Hands an event over; the record is that of its build, if it is one's."""
_DONE: Mapping[str, object] = {"state": "delivered", "error": None}
PIECE = 20
"""Deliveries that are handed over before they are noted."""
PAGE, PAGE_AT_MOST = 20, 5000
"""Waiting deliveries that are looked through at once; mostly the first one is due."""

# By no index of ids: that would lead past all that was ever delivered.
_WAITING = (
    sa.select(Delivery.id, Delivery.subject, Delivery.recipient, Delivery.next_try <= Now())
    .where(Delivery.sink == sa.bindparam("sink"), Delivery.state == "waiting", Delivery.id + 0 > sa.bindparam("last"))
    .order_by(Delivery.id + 0)
    .limit(sa.bindparam("page"))
)


def relay_next(here: Service, sink: str, deliver: Deliver, mine: Callable[[], bool] = lambda: True) -> bool:
    """Hands some due deliveries of the sink over, one of a subject; gives whether some did not fail and more may be due.

    They are noted together: after a crash all of them are handed over again, each with the id that it had. `mine` says
    whether the sink is still ours; who stood still for long must not go on where another one is further.
    """
    due, more = _due(here, sink)
    results: list[tuple[Delivery, dict[str, object]]] = []
    for delivery, event, record in _read(here, sink, due, records_wanted=deliver is not nowhere):
        if not mine():
            break
        results.append((delivery, values := _handed(sink, deliver, delivery, event, record)))
        # What waits for the same reason as this one did is due with its success.
        more = more or delivery.error is not None
        if values["state"] == "waiting":
            more = True
            break
    if results:
        _note(here, sink, results)
    return more and any(values["state"] != "waiting" for _, values in results)


def _read(
    here: Service, sink: str, due: list[int], *, records_wanted: bool
) -> list[tuple[Delivery, Event, BuildRecord | Exception | None]]:
    """These deliveries, each with its build's record, or with what kept it from being made."""
    if not due:
        return []
    with here.database.reading() as session:
        whole = sa.select(Delivery, Event, Build).join(Event, Event.id == Delivery.event_id)
        whole = whole.outerjoin(Build, Build.id == Event.build_id)
        found = session.execute(whole.where(Delivery.id.in_(due), Delivery.state == "waiting").order_by(Delivery.id)).all()
        if records_wanted:
            here.summaries.read_ahead(session, (build.id for _, _, build in found if build is not None and build.turn is not None))
        return [
            (delivery, event, _record(session, here, build, sink) if records_wanted and build is not None else None)
            for delivery, event, build in found
        ]


def _record(session: orm.Session, here: Service, build: Build, sink: str) -> BuildRecord | Exception:
    try:
        return records.full(session, build, here, waits=False, tries=sink != events.BUS)
    except sqlalchemy.exc.DBAPIError:
        raise
    except Exception as error:
        return error


def _handed(
    sink: str, deliver: Deliver, delivery: Delivery, event: Event, record: BuildRecord | Exception | None
) -> dict[str, object]:
    """Hands one over; gives what its row has to say then."""
    values: dict[str, object] = dict(_DONE)
    try:
        if isinstance(record, Exception):
            raise record
        deliver(event, delivery, record)
    except errors.DeliveryFailed as error:
        log.warning("delivery %d to %s: %s", delivery.id, sink, error)
        values = _later(delivery, error)
    except sqlalchemy.exc.DBAPIError:
        raise
    except Exception as error:
        # An operator's template and a stranger's plugin can raise anything; what follows must not wait for it.
        log.exception("delivery %d to %s broke", delivery.id, sink)
        values = _later(delivery, _broke(error))
    return values


def _note(here: Service, sink: str, results: list[tuple[Delivery, dict[str, object]]]) -> None:
    # What somebody else has noted meanwhile stays as it is.
    waits = Delivery.state == "waiting"
    with here.database.writing() as session:
        done = [delivery.id for delivery, values in results if values == _DONE]
        of_done = sa.update(Delivery).where(Delivery.id.in_(done), waits)
        session.execute(of_done.values(tries=Delivery.tries + 1, **_DONE))
        for delivery, values in results:
            if values == _DONE:
                if sink == events.BUS and delivery.error:
                    _hasten(session, delivery)
                continue
            if "delay" in values:
                values["next_try"] = clock(session) + datetime.timedelta(seconds=float(str(values.pop("delay"))))
            statement = sa.update(Delivery).where(Delivery.id == delivery.id, waits)
            session.execute(statement.values(tries=Delivery.tries + 1, **values))


class Bus:
    """Publishes events as messages with an id of their own: twice delivered, the id is the same."""

    def __init__(self, here: Service) -> None:
        """Loads the fedora-messaging configuration that the settings name; raises errors.CannotStart."""
        self._here, self._url = here, here.settings.master.url
        if here.settings.bus.config is not None:
            starting.bus(here.settings.bus.config)
        bus.bound_pauses()

    def __call__(self, event: Event, delivery: Delivery, record: BuildRecord | None) -> None:
        """Publishes and waits for the broker's word; raises errors.DeliveryFailed."""
        sent = composing.message_of(event, record, self._url, self._known(record))
        # A build's ids are those that they were before there were other subjects.
        subject = event.subject.removeprefix("build/")
        sent.id = str(uuid.uuid5(_SPACE, f"{subject}/{event.seq}/{delivery.sink}"))
        try:
            api.publish(sent, timeout=PUBLISH_TIMEOUT)
        except (bus_errors.PublishForbidden, bus_errors.ValidationError) as error:
            raise errors.DeliveryFailed("The message was refused", permanent=True, cause=str(error)) from error
        except (bus_errors.PublishException, bus_errors.ConnectionException) as error:
            raise errors.DeliveryFailed(
                "The message could not be published",
                away=True,
                cause="the broker can't be reached",
                remedy="it is tried again",
            ) from error

    def _known(self, record: BuildRecord | None) -> list[str]:
        """Names of packages of the wishes that a build was ordered for, which it has itself only when it is checked."""
        if record is None or record.wanted or not record.request.builds:
            return []
        ordered = sa.select(Decision.wish_id).where(Decision.build_id == record.id)
        with self._here.database.reading() as session:
            return list(session.execute(sa.select(WishedBuild.name).where(WishedBuild.wish_id.in_(ordered))).scalars())


class Mail:
    """Hands events to a notifier plugin."""

    def __init__(self, notifier: plugins.Notifier) -> None:
        """`notifier` does the work."""
        self._notifier = notifier

    def __call__(self, event: Event, delivery: Delivery, record: BuildRecord | None) -> None:
        """Delivers once; raises errors.DeliveryFailed."""
        if record is None:
            raise errors.DeliveryFailed("Mails tell of builds alone", permanent=True)
        self._notifier.deliver(
            plugins.Notice(
                event_id=event.id,
                kind=event.kind,
                recipient=delivery.recipient,
                build=record.without_addresses().model_dump(mode="json", by_alias=True),
            )
        )


def nowhere(_event: Event, _delivery: Delivery, _record: BuildRecord | None) -> None:
    """The sink of a service that the operator runs without it: the delivery ends at once."""


def _due(here: Service, sink: str) -> tuple[list[int], bool]:
    """The oldest waiting deliveries that are due, PIECE at most, of which no earlier one of subject and recipient waits;
    and whether more may be due."""
    due: list[int] = []
    earlier: dict[tuple[str, str], bool] = {}
    last, page, more = 0, PAGE, False
    while True:
        with here.database.asking() as session:
            rows = session.execute(_WAITING, {"sink": sink, "last": last, "page": page}).all()
        for found, subject, recipient, is_due in rows:
            if (subject, recipient) in earlier:
                more = more or earlier[subject, recipient]
                continue
            earlier[subject, recipient] = is_due
            if is_due:
                due.append(found)
        if len(due) >= PIECE:
            return due[:PIECE], True
        if len(rows) < page:
            return due, more
        last, page = rows[-1].id, min(PAGE_AT_MOST, 10 * page)


def _hasten(session: orm.Session, delivery: Delivery) -> None:
    """What kept this one from the bus is over, so what else waits for that reason is due now."""
    now = clock(session)
    same = (Delivery.sink == delivery.sink, Delivery.state == "waiting", Delivery.next_try > now, Delivery.error == delivery.error)
    session.execute(sa.update(Delivery).where(*same).values(next_try=now))


def _broke(error: Exception) -> errors.DeliveryFailed:
    return errors.DeliveryFailed(
        "The news could not be handed over",
        cause=f"making it broke off with a {type(error).__name__}",
        remedy="let the operator look into the dispatcher's log",
    )


def _later(delivery: Delivery, error: errors.DeliveryFailed) -> dict[str, object]:
    if error.permanent or (delivery.tries + 1 >= TRIES and not error.away):
        return {"state": "parked", "error": error.sentence}
    delay = DELAYS[min(delivery.tries, len(DELAYS) - 1)]
    return {"state": "waiting", "error": error.sentence, "delay": delay}
