# SPDX-License-Identifier: MIT
"""Hands facts and orders in messages of the bus to the master, which decides what is ordered. Builds nothing."""

from __future__ import annotations

import collections
import logging
import threading
import time
from typing import Any

from fedora_messaging import config, exceptions

from ondemand import bus, deadlines, errors, triggers
from ondemand.client import Client
from ondemand.facts import Facts
from ondemand.orders import Order
from ondemand.parked import ParkedQueue

_log = logging.getLogger(__name__)
CALL = 10.0
"""Seconds for one call of the master, so that a stop never waits longer."""
PAUSES = (1.0, 30.0)
"""Seconds after the first call that failed and, growing, at most."""
KNOWN = 3600.0
"""Seconds for which the master surely still knows what it took, so that offering it once more changes nothing."""
REMEMBERED = 1000
"""Messages of which a process knows that it has given them back."""


class Consumer:
    """The callback for `fedora-messaging consume --callback=ondemand_consumer.trigger:Consumer`.

    `consumer_config` in fedora-messaging's configuration holds ondemand.triggers.TriggerOptions.
    """

    def __init__(self) -> None:
        """Raises errors.CannotStart and errors.PluginMissing."""
        bus.steady()
        self._options = triggers.options(config.conf["consumer_config"])
        self._triggers = triggers.Triggers(self._options.triggers, with_orders=self._options.orders)
        self._master = _master(self._options)
        self._parked = ParkedQueue(config.conf, self._options.parked)
        _check_queues(self._options.parked)
        self._returned: collections.deque[str] = collections.deque(maxlen=REMEMBERED)
        self._taken: tuple[float, Facts | Order] | None = None
        self._stopping = threading.Event()
        _at_stop(self._stopping)
        try:
            self._parked.make()
        except errors.ServiceError as error:
            _log.warning("%s It is tried again before a message is parked.", error)

    def __call__(self, message: Any) -> None:
        """Returns (acknowledged), or raises Nack (later) or Drop (parked); nothing else, whatever the message is."""
        try:
            heard = triggers.Heard(id=message.id, topic=message.topic, headers=message._headers, body=message.body)
            said = self._triggers.said(heard)
            if said is not None:
                self._hand_over(said)
        except exceptions.Nack:
            raise
        except errors.OndemandError as error:
            raise self._drop(message, str(error)) from error
        except Exception as error:
            _log.exception("the trigger did not foresee this")
            raise self._drop(message, f"{type(error).__name__}: {error}") from error

    def _hand_over(self, said: Facts | Order) -> None:
        """Waits for a master that is away, then gives up; raises Nack, or what the master refuses it with."""
        until = time.monotonic() + self._options.patience
        pause, longest = PAUSES
        while True:
            began = time.monotonic()
            try:
                with deadlines.Deadline(CALL):
                    new = self._master.offer(said)
                _log.info("%s is %s", triggers.called(said), "handed over" if new else "known already")
                self._taken = (time.monotonic(), said)
                return
            except errors.OndemandError as error:
                if triggers.final(error):
                    raise
                # Who can't be reached says so earlier; only an answer that never comes takes all the time.
                late = isinstance(error, errors.MasterUnavailable) and time.monotonic() - began > 0.9 * CALL
                said_so = _hung() if late else error
            except deadlines.Late:
                said_so = _hung()
            _log.warning("%s is not handed over yet: %s", triggers.called(said), said_so)
            if time.monotonic() + pause > until:
                raise self._given_up(said, said_so)
            if self._stopping.wait(pause):
                raise exceptions.Nack
            pause = min(2 * pause, longest)

    def _given_up(self, said: Facts | Order, why: errors.OndemandError) -> Exception:
        """Nack, mostly. The second time it is the master's own error, if the master works for others: the queue shall not
        wait for ever behind the one message that breaks it."""
        if not triggers.suspect(why) or not self._master_works():
            return exceptions.Nack()
        if said.message_id in self._returned:
            return why
        self._returned.append(said.message_id)
        return exceptions.Nack()

    def _master_works(self) -> bool:
        """Whether it takes once more what it took lately, which changes nothing; whether it answers at all where it took nothing."""
        taken_at, taken = self._taken or (-KNOWN, None)
        try:
            with deadlines.Deadline(CALL):
                if taken is None or time.monotonic() - taken_at > KNOWN:
                    self._master.wishes(limit=1)
                else:
                    self._master.offer(taken)
        except (errors.OndemandError, deadlines.Late):
            return False
        return True

    def _drop(self, message: Any, why: str) -> Exception:
        """Drop when there is a queue that takes the message, else Nack after a pause: it must not be lost."""
        try:
            self._parked.make()
        except errors.ServiceError as error:
            _log.error("message %.200r can't be parked: %s", getattr(message, "id", None), error)
            self._stopping.wait(PAUSES[1])
            return exceptions.Nack()
        _log.error("message %.200r is parked: %.600s", getattr(message, "id", None), why)
        return exceptions.Drop()


def _hung() -> errors.OndemandError:
    return errors.ServiceError(f"The master does not answer it within {CALL:.0f} s", cause="it is busy, or this message holds it up")


def _master(options: triggers.TriggerOptions) -> Client:
    session = deadlines.session()
    # A proxy or .netrc of the machine has no business between trigger and master.
    session.trust_env = False
    return Client(options.address, options.token, session=session, tries=1, timeout=(CALL / 2, CALL))


def _check_queues(parked: str) -> None:
    """Raises errors.CannotStart where a dropped message would be lost; the broker may have that in a policy of its own."""
    if config.conf["passive_declares"]:
        return
    wanted = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": parked}
    for name, queue in config.conf["queues"].items():
        if not wanted.items() <= queue["arguments"].items():
            raise errors.CannotStart(
                f"What the trigger can't handle would be lost from queue «{name}»",
                cause=f"its arguments don't name {parked} as dead-letter queue",
                remedy="take [queues] from fedora-messaging.toml.example",
            )


def _at_stop(stopping: threading.Event) -> None:
    """Has the event set when the process is told to end, while a message waits in another thread."""
    from twisted.internet import reactor  # Not before fedora-messaging has chosen one.

    core: Any = reactor
    core.addSystemEventTrigger("before", "shutdown", stopping.set)
