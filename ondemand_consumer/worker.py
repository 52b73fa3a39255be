# SPDX-License-Identifier: MIT
"""The builder: claims an attempt, beats while it runs, reports its end. The master decides."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import pathlib
import random
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import IO

from ondemand import builds, errors, settings
from ondemand_consumer import attempts, capabilities, master, namespaces, pipeline, progressing, roots, stopping, sweeper

_log = logging.getLogger(__name__)
SPREAD, SPREAD_AT_MOST = 0.03, 3.0
"""Seconds, for each builder that can do the same and at most, over which builders that are woken at once claim."""
_LAST_PATIENCE = 20.0
"""Seconds for which a builder that shuts down waits for its master."""


def spread(builders: int) -> float:
    """Seconds over which so many builders, all woken by one message, spread their claims: some thirty in a second.

    That is about a third of what one web process answers. The first claims some 30 ms after the bell, however many there are.
    """
    return min(SPREAD_AT_MOST, builders * SPREAD)


class Bell:
    """The socket on which the doorbell rings."""

    def __init__(self, path: pathlib.Path) -> None:
        """Listens at `path`; a socket that a dead builder left there is replaced. Raises errors.CannotStart."""
        settings.make_folder(path.parent, "builder.bell")
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
        except OSError as error:
            self._socket.close()
            raise errors.CannotStart(
                f"The builder can't listen at {path}", cause=f"of «{error}»", remedy="set builder.bell to another path"
            ) from error
        # The consumer runs as another user, and whoever rings gets nothing but a claim.
        path.chmod(0o666)

    def wait(self, seconds: float, spread: float = 0.0) -> None:
        """Returns after `seconds`, or when it rang since the last call: then after a random part of `spread`, in which
        more ringing changes nothing, since the claim that follows answers all of it."""
        self._socket.settimeout(max(0.01, seconds))
        try:
            self._socket.recv(16)
        except TimeoutError:
            return
        time.sleep(random.uniform(0, spread))
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def ring(self) -> None:
        """Wakes whoever waits."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"ring", str(self._path))

    def close(self) -> None:
        """Stops listening."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


class Worker:
    """One builder process; one attempt at a time."""

    def __init__(self, config: settings.Settings, say: Callable[[str], None] = print) -> None:
        """Makes ready; raises errors.BuilderError or errors.CannotStart. `say` takes a line for each claim."""
        namespaces.require_root()
        capabilities.require_tools()
        self._config = config
        self._say = say
        self._folder = config.builder.work / "attempts"
        settings.make_folder(self._folder, "builder.work")
        self._lock = _alone(config.builder.work)
        self._instance = str(uuid.uuid4())
        self._master = master.Master(config.master.url, config.builder.token)
        self._life = stopping.Stop()
        self._stop: stopping.Stop | None = None
        sweeper.sweep(self._folder)

    def run(self, *, once: bool = False) -> None:
        """Claims and builds until it is told to end, or with `once` until nothing waits."""
        bell = Bell(self._config.builder.bell)
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._end(bell))
            self._register()
            while not self._life.reason:
                assignment = self._claim()
                if assignment:
                    self._build(assignment)
                elif once:
                    return
                else:
                    bell.wait(self._config.queue.poll, spread(self._master.builders))
        except errors.BuilderError as error:
            if error is not self._life.reason:
                raise
        finally:
            bell.close()
            self._lock.close()

    def _end(self, bell: Bell) -> None:
        reason = errors.BuilderError(
            "The builder is shutting down", cause="its operator stopped it", remedy="the build is tried again"
        )
        self._life.set(reason)
        if self._stop:
            self._stop.set(reason)
        bell.ring()

    def _register(self) -> None:
        name = master.patiently(lambda: self._master.register(self._instance), self._life, patience=float("inf"))
        if why := roots.hindrance(self._config.builder, self._folder):
            self._say(f"builds take nothing over from earlier ones: {why}; set builder.cache or builder.work, or builder.roots_limit to 0")
        self._say(f"builder {name} is ready")

    def _claim(self) -> builds.Assignment | None:
        claim_id = str(uuid.uuid4())
        offered = capabilities.find(self._config.builder)
        # The same claim id until an answer came: a claim whose answer was lost is not lost.
        return master.patiently(
            lambda: self._master.claim(claim_id, self._instance, offered), self._life, patience=float("inf")
        )

    def _build(self, assignment: builds.Assignment) -> None:
        name = f"build {assignment.build_id}, attempt {assignment.attempt}"
        self._say(f"{name}: begun with {assignment.backend}")
        stop = stopping.Stop()
        self._stop = stop
        if self._life.reason:
            stop.set(self._life.reason)
        attempt = attempts.Attempt(
            assignment=assignment,
            settings=self._config.builder,
            folder=self._folder / f"{assignment.build_id}-{assignment.attempt}",
            stop=stop,
            hidden=_hidden(self._config),
        )
        client = self._master.attempt(assignment)
        with Beats(client, assignment.beat, stop, attempt.progress):
            try:
                report = pipeline.run(attempt, client)
                sweeper.sweep(self._folder)
                self._say(f"{name}: {self._finish(client, report, stop)}")
            except errors.LeaseLost as error:
                sweeper.sweep(self._folder)
                self._say(f"{name}: thrown away: {error}")
        self._stop = None

    def _finish(self, client: master.AttemptClient, report: builds.FinishReport, stop: stopping.Stop) -> str:
        until = time.monotonic() + master.PATIENCE
        pause = 0.25
        while True:
            try:
                state = client.finish(report)
            except errors.MasterUnavailable as error:
                if time.monotonic() > until:
                    return f"its end could not be reported: {error}"
            except errors.LeaseLost:
                raise
            except errors.OndemandError as error:
                return f"its end was not accepted: {error}"
            else:
                why = report.error["sentence"] if report.error else ""
                return f"{state}{': ' * bool(why)}{why}"
            if isinstance(stop.reason, errors.LeaseLost):
                raise stop.reason
            if self._life.reason:
                until = min(until, time.monotonic() + _LAST_PATIENCE)
            time.sleep(pause)
            pause = min(pause * 2, 10.0)


class Beats:
    """Beats for an attempt in a thread of its own, while it is open; the claim's answer came with a whole lease."""

    def __init__(
        self, client: master.AttemptClient, interval: float, stop: stopping.Stop, progress: progressing.Progressing
    ) -> None:
        self._progress = progress
        self._client = client
        self._interval = interval
        self._stop = stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beats", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(70)

    def _run(self) -> None:
        pause = self._interval
        while not self._ended.wait(pause):
            pause = self._interval
            try:
                if self._client.beat(self._progress.last):
                    self._stop.set(errors.BuildCanceled("The build was canceled"))
            except errors.LeaseLost as error:
                self._stop.set(error)
                return
            except errors.MasterUnavailable as error:
                _log.warning("a beat was not heard: %s", error)
                pause = min(self._interval, 3.0)
            except errors.OndemandError as error:
                _log.error("a beat was refused: %s", error)


def _hidden(config: settings.Settings) -> tuple[pathlib.Path, ...]:
    """Where other builds, the builder's token, its bell and, on one machine with it, the master's data lie."""
    return (config.builder.work, config.builder.cache, config.builder.bell, settings.conf_file(), config.master.data)


def _alone(work: pathlib.Path) -> IO[str]:
    lock = (work / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise errors.BuilderError(
            f"Another builder works in {work}",
            cause="each needs a folder of its own",
            remedy="set builder.work to another one, or end the other builder",
        ) from error
    return lock
