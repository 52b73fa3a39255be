# SPDX-License-Identifier: MIT
"""Presets of the operator: a kickstart `NAME.ks`, or the kiwi description in a folder, told about by `NAME.toml`."""

from __future__ import annotations

import contextlib
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
        stamp = descriptions.stamp(source)
        description, sha256, chosen = _described(source, about.kiwi_file, about.profile, arch, stamp)
        preset = Preset(**said, kind="kiwi", sha256=sha256, profile=about.profile)
        return Loaded(preset=preset, text=chosen.kickstart(), description=description)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Loaded(preset=Preset(**said, kind="kickstart", sha256=sha256), text=text)


def every(folder: pathlib.Path) -> list[dict[str, str | None]]:
    """What is told of each preset: its name and kind, and of what `NAME.toml` says all that is for people."""
    abouts = {path.stem: _told(path) for path in folder.glob("*.toml")}
    texts = {path.stem for path in folder.glob("*.ks")}
    folders = {path.name for path in folder.glob("[!.]*") if path.is_dir()}
    described = {name for name, about in abouts.items() if (about.folder or name) in folders}
    alone = folders - {about.folder for about in abouts.values()}
    return [
        {
            "name": name,
            "kind": "kickstart" if name in texts else "kiwi",
            **abouts.get(name, About()).model_dump(include={"upstream", "commit", "profile"}),
            "title": abouts.get(name, About()).title or None,
        }
        for name in sorted(texts | described | alone)
    ]


def _told(path: pathlib.Path) -> About:
    """What a file says; nothing where it can't be used, which who asks for that preset is told."""
    with contextlib.suppress(errors.InvalidRequest):
        return _about(path)
    return About()


def _unknown(folder: pathlib.Path, name: str) -> errors.UnknownImageType:
    known = ", ".join(str(each["name"]) for each in every(folder)) or "none is defined"
    return errors.UnknownImageType(f"There is no preset «{name}»", remedy=f"ask for one of: {known}")


@functools.lru_cache(maxsize=16)
def _described(
    source: pathlib.Path, main: str | None, profile: str | None, arch: str, _stamp: object
) -> tuple[descriptions.Description, str, description_packages.Selection]:
    """It, its digest and what it asks for; kept as long as no file there changes, as many requests begin from one preset."""
    description = descriptions.read(source, main, profile)
    return description, description.digest(), description_packages.Tree(description, arch).selection()


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
