# SPDX-License-Identifier: MIT
"""Parts for the tests of the backends that drive lorax's programs: orders, and what a command line says. Tests nothing itself."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ondemand import build_requests, plugins, releases
from ondemand.locks import Lock
from tests import builder_parts
from tests import master_parts as parts
from tests.tools import lorax_options

KNOWN = lorax_options.known()
_SHORT = {"-p": "--product", "-v": "--version", "-r": "--release"}


def order(
    image_type: str,
    backend: str,
    versions: Mapping[str, str],
    *,
    installer: releases.Installer | None = None,
    options: Mapping[str, Any] | None = None,
    kickstart: str = "",
    lock: Lock = parts.LOCK,
    **request: Any,
) -> plugins.Order:
    """Build 7 of release demo, whose definition has this image type alone."""
    definition = releases.ImageTypeDefinition(backend=backend, preset="none", installer=installer)
    release = builder_parts.make_assignment(parts.LOCK).release
    return plugins.Order(
        build_id=7,
        attempt=1,
        request=build_requests.validate({"release": "demo", "image_type": image_type, **request}),
        release=release.model_copy(update={"image_types": {build_requests.ImageType(image_type): definition}}),
        lock=lock,
        kickstart=kickstart,
        label="LABEL-7",
        repository=pathlib.Path("/work/repository"),
        work=pathlib.Path("/work/build"),
        options=options or {},
        versions={tool: version for tool, version in versions.items() if version},
    )


def values(words: Sequence[str], option: str) -> list[str]:
    """What stands behind each occurrence of the option."""
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def options(words: Iterable[str]) -> set[str]:
    """The long names of all options in a command line."""
    names = {word.partition("=")[0] for word in words if word.startswith("-")}
    return {_SHORT.get(name, name) for name in names}
