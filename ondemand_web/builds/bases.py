# SPDX-License-Identifier: MIT
"""What a request begins from: a preset or a kickstart of its own. Keeps kiwi descriptions for builders and rebuilds."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import sqlalchemy.exc

from ondemand import errors, plugins, presets
from ondemand.build_requests import BuildRequest
from ondemand.descriptions import Description
from ondemand.locks import Preset
from ondemand_web.builds.models import BuildLock, DescriptionBody
from ondemand_web.database import Database
from ondemand_web.service import Service


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base:
    """The text of a kickstart, with the preset that it is of; a `description` is what the image is really made from."""

    text: str
    preset: Preset | None = None
    recommends: bool = False
    description: Description | None = None


def of(here: Service, request: BuildRequest, preset: str, backend: plugins.Backend) -> Base:
    """The request's own kickstart, else the preset; raises errors.UnknownImageType for one that the backend can't use."""
    if request.kickstart:
        return Base(text=request.kickstart)
    found = presets.load(here.settings.master.config / "presets", preset, request.arch)
    if found.description is not None and not plugins.takes_descriptions(backend):
        raise errors.UnknownImageType(
            f"Backend {backend.name} can't make an image from preset «{preset}»",
            cause="that is a kiwi description, and this backend works from kickstarts",
            remedy="leave the backend out, or name a preset that is a kickstart",
        )
    return Base(text=found.text, preset=found.preset, recommends=found.recommends, description=found.description)


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
