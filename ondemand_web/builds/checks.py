# SPDX-License-Identifier: MIT
"""The check: sources and solver without a transaction; of a received build the result by one conditional UPDATE."""

from __future__ import annotations

import dataclasses
import datetime
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from ondemand import errors, kickstarts, plugins, registry, secure_boot
from ondemand.build_requests import BuildRequest
from ondemand.descriptions import Description
from ondemand.locks import Lock
from ondemand.releases import Release
from ondemand.states import State
from ondemand_web.builds import bases, rebuilds
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import LARGEST, Now, clock
from ondemand_web.packages import checking
from ondemand_web.queue import turns
from ondemand_web.queue.lengths import Kind
from ondemand_web.service import Service

log = logging.getLogger(__name__)
MEMORY = 2 * 1024**3
"""Bytes of memory that booting an image takes."""
_SOURCES = {"repo", "url"}
_DUE = sa.select(Build).where(Build.state == State.RECEIVED, Build.next_try <= Now()).order_by(Build.next_try).limit(1)
DELAYS = (2, 5, 15, 30, 60, 120, 300)
"""Seconds until a check whose source is away is tried again; the last one repeats."""


def check_next(here: Service) -> bool:
    """Checks the received build that is due longest; gives whether there was one."""
    with here.database.asking() as session:
        build = session.execute(_DUE).scalar_one_or_none()
    if build is None:
        return False
    try:
        again = build.same_lock
        _queue(here, build, relocked(here, build) if again else checked(here, builds.request_of(build), owner=build.owner))
    except errors.OndemandError as error:
        if error.retryable:
            _delay(here, build, error)
        else:
            _refuse(here, build, error)
    except Exception:
        log.exception("the check of build %d broke", build.id)
        _delay(here, build, errors.ServiceError("The check broke", cause="of an error in the service itself"))
    return True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """What a request was found to become. `disk` is bytes that its build needs; a `description` is what it is made from."""

    lock: Lock
    kickstart: kickstarts.Kickstart
    release: Release
    backend: str
    disk: int
    description: Description | None = None


def checked(
    here: Service,
    request: BuildRequest,
    *,
    owner: str = "",
    kept: bool = False,
    sources: Mapping[str, plugins.Source] | None = None,
) -> Checked:
    """The check of a request of `owner`; touches no database. With `kept` no repository is read anew.
    `sources` take the place of the installed ones.

    Raises errors.RequestError or errors.ContentError with every reason, errors.SourceUnavailable when a source is away.
    """
    release = here.releases.get(request.release)
    if request.arch not in release.arches:
        raise errors.UnknownImageType(
            f"Release {release.name} is not made for {request.arch}",
            remedy=f"ask for one of: {', '.join(release.arches)}",
        )
    made = release.definition(request.image_type)
    name = request.backend or made.backend
    backend = _backend(name, request)
    base = bases.of(here, request, request.preset or made.preset, backend, owner)
    folder = here.settings.master.data / "snapshots"
    lock, kickstart = checking.check(
        request,
        release,
        base.text,
        here.sources if sources is None else sources,
        folder,
        here.guard,
        pools=here.pools,
        uploads=here.uploads.find,
        kept=kept,
        age=here.settings.master.metadata_age,
    )
    unused = _unused(kickstart, release.addresses(request.arch), backend)
    warnings = (*lock.warnings, *unused, *secure_boot.warnings(lock))
    lock = lock.model_copy(update={"warnings": warnings, "preset": base.preset})
    found = Checked(
        lock=lock,
        kickstart=kickstart,
        release=release,
        backend=name,
        disk=backend.disk(lock) + lock.disk,
        description=base.description,
    )
    _judge(backend, request, found)
    return found


def asked(
    here: Service, request: BuildRequest, owner: str, sources: Mapping[str, plugins.Source] | None = None
) -> Checked:
    """The check for who wants no build: of the repositories as they were read last. Raises as `checked` does."""
    try:
        return checked(here, request, owner=owner, kept=True, sources=sources)
    except errors.SourceUnavailable as error:
        raise error.asked() from error


def relocked(here: Service, build: Build) -> Checked:
    """The lock of the build that this one makes again, where it may still be built from; raises as `checked` does."""
    old, request = rebuilds.old(here, build), builds.request_of(build)
    backend = _backend(old.backend, request)
    rebuilds.fits(old.lock, backend)
    disk = backend.disk(old.lock) + old.lock.disk
    found = Checked(lock=old.lock, kickstart=old.kickstart, release=old.release, backend=old.backend, disk=disk)
    _judge(backend, request, found)
    return found


def _judge(backend: plugins.Backend, request: BuildRequest, found: Checked) -> None:
    """What the backend itself refuses; raises errors.InvalidRequest. The label is that of a build to come."""
    draft = plugins.Draft(
        request=request,
        release=found.release,
        lock=found.lock,
        kickstart=found.kickstart.text,
        label=request.label(LARGEST),
        options=found.release.options(request.image_type, found.backend),
        description=found.description,
    )
    plugins.check(backend, draft)


def _unused(kickstart: kickstarts.Kickstart, known: Iterable[str], backend: plugins.Backend) -> Iterator[str]:
    """A sentence for what the kickstart asks for and the image will not have."""
    if foreign := kickstart.foreign(known):
        named = ", ".join(f"`{place.command}` in line {place.line}" for place in foreign)
        yield f"The kickstart's {named} is not used: name a repository in `repositories` to install from it."
    if backend.commands is not None and (others := sorted({*kickstart.commands} - backend.commands - _SOURCES)):
        yield f"Backend {backend.name} does nothing with these commands of the kickstart: {', '.join(others)}."


def _backend(name: str, request: BuildRequest) -> plugins.Backend:
    try:
        found: plugins.Backend = registry.load(plugins.BACKENDS, name)()
    except errors.PluginMissing as error:
        raise errors.UnknownImageType(
            f"There is no backend «{name}»", cause="no package installed here brings it", remedy="leave the backend out"
        ) from error
    if request.image_type.value not in found.image_types:
        raise errors.UnknownImageType(
            f"Backend {name} makes no image of type «{request.image_type.value}»",
            remedy=f"leave the backend out, or ask for one of: {', '.join(sorted(found.image_types))}",
        )
    return found


def _queue(here: Service, build: Build, found: Checked) -> None:
    if found.description is not None:
        bases.keep(here.database, found.description)
    request = builds.request_of(build)
    kind = Kind(build.release, build.arch, build.image_type, found.backend, request.profile)
    with here.database.writing() as session:
        moved = builds.move(
            session,
            build.id,
            old=State.RECEIVED,
            new=State.QUEUED,
            values={
                "backend": found.backend,
                "disk": found.disk,
                "memory": MEMORY,
                "turn": turns.turn(session, build.owner, kind, here.settings.queue),
                "waiting": None,
            },
        )
        if moved is not None:
            body, digest = found.lock.model_dump(mode="json"), found.lock.digest()
            session.add(BuildLock(build_id=build.id, digest=digest, body=body, kickstart=found.kickstart.text))


def _refuse(here: Service, build: Build, error: errors.OndemandError) -> None:
    with here.database.writing() as session:
        builds.move(
            session,
            build.id,
            old=State.RECEIVED,
            new=State.REFUSED,
            values={"error": error.as_dict(), "waiting": None},
            reason=error.sentence,
        )


def _delay(here: Service, build: Build, error: errors.OndemandError) -> None:
    """A source that is away delays; it never refuses."""
    seconds = DELAYS[min(build.tries, len(DELAYS) - 1)]
    log.warning("build %d: %s; checked again in %d s", build.id, error, seconds)
    with here.database.writing() as session:
        values: dict[str, Any] = {
            "tries": Build.tries + 1,
            "next_try": clock(session) + datetime.timedelta(seconds=seconds),
            "waiting": f"{error.sentence} The check is tried again in {seconds} s.",
        }
        session.execute(
            sa.update(Build).where(Build.id == build.id, Build.state == State.RECEIVED).values(**values)
        )
