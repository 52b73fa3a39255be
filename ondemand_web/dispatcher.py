# SPDX-License-Identifier: MIT
"""The dispatcher: a process whose threads check, reap, store, sweep and relay. Any number may run; each duty has one."""

from __future__ import annotations

import dataclasses
import logging
import signal
import threading
import time
import uuid
from collections.abc import Callable, Sequence

import sqlalchemy.exc

from ondemand import errors, plugins, registry
from ondemand_web.builds import checks
from ondemand_web.events import relay
from ondemand_web.events import services as events
from ondemand_web.events import sweeping as news
from ondemand_web.files import storing
from ondemand_web.packages import reading, sweeping
from ondemand_web.queue import duties, endings, presence
from ondemand_web.queue import services as queue
from ondemand_web.service import Service
from ondemand_web.uploads import sweeping as uploads
from ondemand_web.wishes import ordering, refreshing
from ondemand_web.wishes import services as wishes

log = logging.getLogger(__name__)
RENEW = 5.0
"""Seconds between two words of a holder."""
LOOK = 0.2
"""Seconds until a process looks again whether a duty has become its own."""
GAP = 10.0
"""Seconds of our own silence after which leases are extended before anyone is reaped."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A duty: `work` does one piece and gives whether another may wait; else it pauses `pause` seconds."""

    name: str
    work: Callable[[], bool]
    pause: float


class Reaper:
    """Reaps, but first gives everyone a lease when nobody could beat for a while."""

    def __init__(self, here: Service) -> None:
        """`here` is the service."""
        self._here = here
        self._last: float | None = None
        self._heard = 0.0

    def __call__(self) -> bool:
        """Ends attempts whose lease has passed, and notes builders that are gone."""
        database, limits = self._here.database, self._here.settings.queue
        now = time.monotonic()
        if self._last is None or now - self._last > GAP:
            queue.extend_all(database, limits)
            self._heard = now + presence.silence(limits).total_seconds()
        lost = endings.reap(database, limits)
        if now > self._heard:
            lost += presence.miss(database, limits)
        self._last = time.monotonic()
        return bool(lost)


def tasks(here: Service, mine: Callable[[str], bool] = lambda _: True) -> list[Task]:
    """All duties of the dispatcher; `mine` says whether the duty of that name is still this process's."""

    def relays(name: str, sink: str, deliver: relay.Deliver) -> Callable[[], bool]:
        return lambda: relay.relay_next(here, sink, deliver, lambda: mine(name))

    bus = relay.Bus(here) if here.settings.bus.config else relay.nowhere
    mail: relay.Deliver = relay.nowhere
    if here.settings.mail.host:
        notifier = registry.load(plugins.NOTIFIERS, "mail")
        mail = relay.Mail(notifier(here.settings.mail, here.settings.master.config / "mail"))
    postponed = storing.Postponed()
    return [
        Task(name="check", work=lambda: checks.check_next(here), pause=0.2),
        Task(name="read", work=lambda: reading.read_all(here), pause=here.settings.master.read_every),
        Task(name="read-composed", work=refreshing.Reader(here), pause=2.0),
        Task(name="wishes", work=lambda: ordering.work_next(here), pause=0.5),
        Task(name="sweep-wishes", work=lambda: wishes.sweep(here.database, here.settings.master.wish_days), pause=600.0),
        Task(name="sweep-events", work=lambda: news.sweep(here.database, here.settings.master.event_days), pause=600.0),
        Task(name="sweep-snapshots", work=lambda: sweeping.sweep_all(here), pause=600.0),
        Task(name="sweep-uploads", work=lambda: uploads.sweep_all(here), pause=600.0),
        Task(name="reap", work=Reaper(here), pause=1.0),
        Task(name="store", work=lambda: storing.store_next(here), pause=0.3),
        Task(name="sweep", work=lambda: _tidy(here, postponed), pause=5.0),
        Task(name="relay-bus", work=relays("relay-bus", events.BUS, bus), pause=0.1),
        Task(name="relay-mail", work=relays("relay-mail", events.MAIL, mail), pause=0.5),
    ]


def _tidy(here: Service, postponed: storing.Postponed) -> bool:
    return storing.sweep_next(here, postponed) or storing.expire_next(here, postponed)


def run(here: Service) -> None:
    """Works until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    holder = str(uuid.uuid4())
    hold_of: dict[str, duties.Hold] = {}
    all_tasks = tasks(here, lambda name: hold_of[name].mine)
    hold_of |= {task.name: duties.Hold(here.database, task.name, holder) for task in all_tasks}
    threads = [
        threading.Thread(target=_perform, args=(task, hold_of[task.name], stop), name=task.name, daemon=True)
        for task in all_tasks
    ]
    threads.append(threading.Thread(target=_renew, args=(list(hold_of.values()), stop), name="renew", daemon=True))
    for thread in threads:
        thread.start()
    while not stop.wait(0.5):
        if not all(thread.is_alive() for thread in threads):
            log.error("a duty has died; the dispatcher ends so that it is started anew")
            raise SystemExit(1)
    for thread in threads:
        thread.join(timeout=10)
    duties.release(here.database, holder)


def _renew(holds: Sequence[duties.Hold], stop: threading.Event, every: float = RENEW) -> None:
    """Says again and again that the duties are ours, or takes them when they are free."""
    while not stop.is_set():
        try:
            for hold in holds:
                hold.renew()
            stop.wait(every)
        except sqlalchemy.exc.SQLAlchemyError as error:
            log.warning("duties can't be renewed: %s", str(error).split("\n")[0])
            stop.wait(1.0)


def _perform(task: Task, hold: duties.Hold, stop: threading.Event) -> None:
    """One duty's loop: an error is written down and the duty goes on; a duty that was lost stops after its piece."""
    while not stop.is_set():
        if not hold.mine:
            stop.wait(LOOK)
            continue
        try:
            if not task.work():
                stop.wait(task.pause)
        except errors.OndemandError as error:
            log.warning("%s: %s", task.name, error)
            stop.wait(RENEW)
        except sqlalchemy.exc.SQLAlchemyError as error:
            log.warning("%s: the database can't be used: %s", task.name, str(error).split("\n")[0])
            stop.wait(1.0)
        except Exception:
            log.exception("%s broke; it goes on", task.name)
            stop.wait(RENEW)
