# SPDX-License-Identifier: MIT
"""Source `bodhi`: an update's alias becomes its builds, which Koji then resolves. Only reads."""

from __future__ import annotations

import hashlib
from typing import ClassVar

import pydantic
import requests

from ondemand import deadlines, errors, plugins, references, releases
from ondemand_plugins.sources import bodhi_history, koji_builds

TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and between two pieces of the answer."""
TOTAL = 60.0
"""Seconds that the answer may take in all."""
LIMIT = 16 * 1024 * 1024
_TAKEN = ("pending", "testing", "stable", "side_tag_active")
_WHERE = {"testing": releases.Role.TESTING, "stable": releases.Role.STABLE}
"""The repositories that have an update; one of any other status is in Koji only."""
_WHY_NOT = {
    "unpushed": "it was unpushed: its packager took it back",
    "obsolete": "it is obsolete: a newer update took its place",
    "side_tag_expired": "its side tag has expired",
}


class _Build(pydantic.BaseModel):
    nvr: str = pydantic.Field(pattern=r"^[^\s/]{3,400}$")


class _Update(bodhi_history.History):
    """What is used of Bodhi's update object."""

    alias: str
    status: str
    content_type: str | None = None
    builds: list[_Build]

    @property
    def nvrs(self) -> list[str]:
        """Its builds, each once; those of a side tag too, since an update made from one lists them."""
        return list(dict.fromkeys(build.nvr for build in self.builds))


class _Answer(pydantic.BaseModel):
    update: _Update


class BodhiUpdates:
    """Asks the release's Bodhi."""

    kind: ClassVar[str] = "bodhi"

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """The builds of the update, pinned as they are now.

        Raises errors.UnknownReference for an update that is not there, was taken back or holds no RPMs, and
        errors.SourceUnavailable.
        """
        if not release.bodhi:
            raise _refused(reference, f"release {release.name} knows no Bodhi", "name the builds themselves")
        update = _update(f"{release.bodhi.rstrip('/')}/updates/{reference.value}", reference)
        if update.content_type not in (None, "rpm"):
            raise _refused(reference, f"it holds a {update.content_type}, not packages", "name another update")
        if update.status not in _TAKEN:
            raise _taken_back(reference, update)
        if not update.builds:
            raise _refused(reference, "it holds no builds", "name another update")
        builds, warnings = _builds(update, release, arch, catalog)
        if update.status == "stable":
            warnings += (f"Update {update.alias} is stable already.",)
        if edited := update.edited(update.alias, update.nvrs):
            warnings += (edited,)
        return plugins.Resolution(
            reference=reference, builds=builds, warnings=warnings, identity=_identity(update)
        )


def _builds(
    update: _Update, release: releases.Release, arch: str, catalog: plugins.Catalog
) -> tuple[tuple[plugins.SourceBuild, ...], tuple[str, ...]]:
    """The update's builds: from the repository where its status says that it is, from Koji where it is not there."""
    role = _WHERE.get(update.status)
    if role is None or not any(repository.role is role for repository in release.repositories):
        return koji_builds.fetch(update.nvrs, release, arch)
    try:
        rpms = {nvr: tuple(package.rpm for package in catalog.built_as(nvr, role)) for nvr in update.nvrs}
        why = "don't have them any more, or not yet"
    except errors.SourceUnavailable:
        rpms, why = {}, "can't be read now"
    held = {nvr: plugins.SourceBuild(nvr=nvr, rpms=found) for nvr, found in rpms.items() if found}
    asked = [nvr for nvr in update.nvrs if nvr not in held]
    if not asked:
        return tuple(held.values()), ()
    fetched, warnings = koji_builds.fetch(asked, release, arch)
    warnings += (f"Koji gives {', '.join(asked[:10])}, because the release's {role.value} repositories {why}.",)
    by_nvr = {**held, **{build.nvr: build for build in fetched}}
    return tuple(by_nvr[nvr] for nvr in update.nvrs if nvr in by_nvr), warnings


def _identity(update: _Update) -> str:
    """Changes with every edit of the update's builds; sixteen digits are enough to tell two of them apart."""
    text = " ".join(sorted(update.nvrs))
    return f"bodhi:{update.alias}@{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _update(url: str, reference: references.Reference) -> _Update:
    try:
        with deadlines.Deadline(TOTAL), deadlines.session() as session:
            text = _text(session, url, reference)
        return _Answer.model_validate_json(text).update
    except requests.RequestException as error:
        raise _away(url, f"the connection failed ({type(error).__name__})") from error
    except pydantic.ValidationError as error:
        raise _away(url, "its answer is no update") from error


def _text(session: requests.Session, url: str, reference: references.Reference) -> bytes:
    with session.get(url, headers={"Accept": "application/json"}, timeout=TIMEOUT, stream=True) as answer:
        if answer.status_code == 404:
            raise _refused(reference, "Bodhi has no update of that name", "correct the alias")
        if answer.status_code != 200:
            raise _away(url, f"it answered {answer.status_code}")
        text = b""
        for chunk in answer.iter_content(256 * 1024):
            text += chunk
            if len(text) > LIMIT:
                raise _away(url, f"its answer is larger than {LIMIT} bytes")
    return text


def _taken_back(reference: references.Reference, update: _Update) -> errors.UnknownReference:
    nvr, follower = update.follower() if update.status == "obsolete" else ("", "")
    if follower:
        return _refused(reference, f"it is obsolete: {nvr} of {follower} took its place", f"name {follower}, or the builds themselves")
    cause = _WHY_NOT.get(update.status, f"its status is {update.status}")
    return _refused(reference, cause, "name a newer update, or the builds themselves")


def _refused(reference: references.Reference, cause: str, remedy: str) -> errors.UnknownReference:
    return errors.UnknownReference(f"Update {reference.value} can't be used", cause=cause, remedy=remedy)


def _away(url: str, cause: str) -> errors.SourceUnavailable:
    return errors.SourceUnavailable(
        f"Bodhi at {url} does not answer with sense",
        cause=cause,
        remedy="nothing to do: the check is tried again by itself",
    )
