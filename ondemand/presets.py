# SPDX-License-Identifier: MIT
"""Presets of the operator: a kickstart `NAME.ks`, or the kiwi description in a folder, told about by `NAME.toml`."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import pathlib
import tomllib
from typing import Annotated, Any

import pydantic

from ondemand import description_packages, descriptions, errors, kickstarts
from ondemand.build_requests import Line, Url, Word
from ondemand.locks import Preset

Commit = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{7,64}$")]


class About(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What `NAME.toml` says. Of a kiwi description `folder` is where it lies, beside that file; else in NAME."""

    title: Line = ""
    upstream: Url | None = None
    commit: Commit | None = None
    folder: Word | None = None
    kiwi_file: Annotated[str, pydantic.Field(pattern=descriptions.MAIN)] | None = None
    profile: Word | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loaded:
    """A preset as it is now. `text` is its kickstart, or what its description asks for in a kickstart's words."""

    preset: Preset
    text: str
    recommends: bool = False
    description: descriptions.Description | None = None


def load(folder: pathlib.Path, name: str, arch: str) -> Loaded:
    """The preset of that name in the operator's `folder`.

    Raises errors.UnknownImageType without one, errors.KickstartInvalid or errors.InvalidRequest for one that can't be used.
    """
    kickstart, about = folder / f"{name}.ks", _about(folder / f"{name}.toml")
    said: dict[str, Any] = {"name": name, "title": about.title or None, "upstream": about.upstream, "commit": about.commit}
    try:
        text = kickstarts.flattened(kickstart)
    except FileNotFoundError:
        source = folder / (about.folder or name)
        if not source.is_dir():
            raise _unknown(folder, name) from None
        description, chosen = _described(source, about.kiwi_file, about.profile, arch, descriptions.stamp(source))
        preset = Preset(**said, kind="kiwi", sha256=description.digest(), profile=about.profile)
        return Loaded(preset=preset, text=chosen.kickstart(), recommends=chosen.recommends, description=description)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Loaded(preset=Preset(**said, kind="kickstart", sha256=sha256), text=text)


def names(folder: pathlib.Path) -> list[str]:
    """The names of all presets."""
    abouts = {path.stem: _about(path) for path in folder.glob("*.toml")}
    folders = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    told = {name for name, about in abouts.items() if (about.folder or name) in folders}
    return sorted({path.stem for path in folder.glob("*.ks")} | told | folders - {about.folder for about in abouts.values()})


def _unknown(folder: pathlib.Path, name: str) -> errors.UnknownImageType:
    known = ", ".join(names(folder)) or "none is defined"
    return errors.UnknownImageType(f"There is no preset «{name}»", remedy=f"ask for one of: {known}")


@functools.lru_cache(maxsize=16)
def _described(
    source: pathlib.Path, main: str | None, profile: str | None, arch: str, _stamp: object
) -> tuple[descriptions.Description, description_packages.Selection]:
    """Kept as long as no file there changes: many requests begin from the same preset."""
    description = descriptions.read(source, main, profile)
    return description, description_packages.Tree(description, arch).selection()


def _about(path: pathlib.Path) -> About:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return About()


@functools.lru_cache(maxsize=256)
def _parsed(path: pathlib.Path, _changed: int) -> About:
    try:
        return About.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeError, pydantic.ValidationError) as error:
        raise errors.InvalidRequest(
            f"The preset file {path.name} can't be used",
            cause=" ".join(str(error).split())[:400],
            remedy="let the operator correct it",
        ) from error
