# SPDX-License-Identifier: MIT
"""Example backend: an ISO 9660 image of the frozen repository, to install from offline. Pure: makes a plan."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pydantic

from ondemand import errors, plugins
from ondemand.locks import Lock


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a release definition may set for the image type."""

    publisher: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9 .,_-]{1,128}$")] = "ondemand"
    timeout: Annotated[float, pydantic.Field(gt=0, le=7200)] = 600.0


class RepositoryIso:
    """Serves image type `dvd` with the locked packages and nothing that boots."""

    name: ClassVar[str] = "repository-iso"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"dvd"})
    tools: ClassVar[tuple[str, ...]] = ("xorriso",)
    commands: ClassVar[frozenset[str] | None] = frozenset()

    def disk(self, lock: Lock) -> int:
        """The packages once more, and a little for the file system."""
        return lock.download_size + 16 * 1024**2

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of xorriso; raises errors.InvalidRequest for options it does not know."""
        try:
            options = Options.model_validate(dict(order.options))
        except pydantic.ValidationError as error:
            raise errors.InvalidRequest(
                "The options of backend repository-iso can't be used",
                cause="; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors()),
                remedy="correct them in the release definition",
            ) from error
        words = ["xorriso", "-no_rc", "-as", "mkisofs", "-r", "-J", "-V", order.label, "-publisher", options.publisher]
        words += [
            "-o",
            "result/repository.iso",
            "-graft-points",
            f"/repository={order.repository}",
            "/lock.json=lock.json",
        ]
        return plugins.Plan(
            files={"lock.json": order.lock.model_dump_json(indent=2)},
            folders=("result",),
            commands=(plugins.Command(argv=tuple(words), timeout=options.timeout),),
            image="result/repository.iso",
        )
