# SPDX-License-Identifier: MIT
"""What a request begins from: a preset or a kickstart of its own. Keeps kiwi descriptions for builders and rebuilds."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from typing import Any

import sqlalchemy.exc

from ondemand import build_requests, description_packages, errors, plugins, presets
from ondemand.build_requests import BuildRequest
from ondemand.descriptions import Description
from ondemand.locks import Preset
from ondemand_web.builds import kickstart_urls, permissions
from ondemand_web.builds.models import BuildLock, DescriptionBody
from ondemand_web.database import Database
from ondemand_web.service import Service


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base:
    """The text of a kickstart, with the preset that it is of; a `description` is what the image is really made from."""

    text: str
    preset: Preset | None = None
    description: Description | None = None


def of(here: Service, request: BuildRequest, preset: str, backend: plugins.Backend, owner: str = "") -> Base:
    """The request's own kickstart, fetched where it is a URL, or kiwi description, else the preset.

    Raises errors.UnknownImageType for a description that the backend can't use, errors.InvalidRequest for one that can't be
    used at all; of a kickstart at a URL also errors.NotPermitted, errors.KickstartInvalid or errors.SourceUnavailable.
    """
    if request.kickstart:
        return Base(text=request.kickstart)
    if request.kickstart_url:
        return _fetched(here, request, request.kickstart_url, owner)
    if request.description is not None:
        return _own(request.description.described(), request, backend)
    found = presets.load(here.settings.master.config / "presets", preset, request.arch)
    if found.description is not None:
        _require_kiwi(backend, f"preset «{preset}»")
    return Base(text=found.text, preset=found.preset, description=found.description)


def _own(found: Description, request: BuildRequest, backend: plugins.Backend) -> Base:
    _require_kiwi(backend, "the request's description")
    preset = Preset(name=build_requests.OWN, kind="kiwi", sha256=found.digest(), profile=found.profile)
    text = description_packages.Tree(found, request.arch).selection().kickstart()
    return Base(text=text, preset=preset, description=found)


def _require_kiwi(backend: plugins.Backend, what: str) -> None:
    if not plugins.takes_descriptions(backend):
        raise errors.UnknownImageType(
            f"Backend {backend.name} can't make an image from {what}",
            cause="that is a kiwi description, and this backend works from kickstarts",
            remedy="name another backend, or begin from a kickstart",
        )


def _fetched(here: Service, request: BuildRequest, url: str, owner: str) -> Base:
    text = kickstart_urls.text(here.kickstart_guard, url)
    permissions.require_kickstart(text, here.releases.get(request.release), request.arch, owner, here)
    if line := build_requests.plain_password(text):
        raise errors.KickstartInvalid(
            f"The kickstart at {url} can't be used: line {line} holds a password that everybody could read with the build",
            remedy="put its hash there (`openssl passwd -6`) with --iscrypted",
        )
    return Base(text=text, preset=Preset(name=url, kind="url", upstream=url, sha256=hashlib.sha256(text.encode()).hexdigest()))


def keep(database: Database, description: Description) -> None:
    """Keeps the description; one that is kept already stays."""
    digest = description.digest()
    # Who finds it missing at the same moment stores the same bytes.
    with contextlib.suppress(sqlalchemy.exc.IntegrityError), database.writing() as session:
        if session.get(DescriptionBody, digest) is None:
            session.add(DescriptionBody(sha256=digest, body=description.model_dump(mode="json")))


def description(database: Database, lock: BuildLock) -> dict[str, Any] | None:
    """The kiwi description that a lock names, as JSON; None where it names none."""
    preset = lock.body.get("preset") or {}
    if preset.get("kind") != "kiwi":
        return None
    with database.reading() as session:
        return session.get_one(DescriptionBody, preset["sha256"]).body
