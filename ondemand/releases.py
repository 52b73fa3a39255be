# SPDX-License-Identifier: MIT
"""Release definitions (`config/releases/*.toml`): repositories, Koji, Bodhi, and a backend for each image type."""

from __future__ import annotations

import enum
import logging
import pathlib
import tomllib
from typing import Any

import pydantic

from ondemand import errors, locks
from ondemand.build_requests import ImageType, Url, Word

log = logging.getLogger(__name__)


class Role(enum.StrEnum):
    """What a repository is to a request."""

    STABLE = "stable"
    """Part of the release: packages come from it by themselves."""
    TESTING = "testing"
    """Only for builds that a request names."""


class Level(enum.StrEnum):
    """Where a package that a request names without a build is looked for."""

    STABLE = "stable"
    """The repositories of that role."""
    TESTING = "testing"
    """The repositories of that role."""
    CANDIDATE = "candidate"
    """The release's `candidate_tag` in Koji."""


class TrustPolicy(enum.StrEnum):
    """What becomes of RPMs without a signature; a wrong signature is refused always."""

    REQUIRE_SIGNED = "require-signed"
    """Unsigned RPMs are refused."""
    ALLOW_UNSIGNED_FROM_KOJI = "allow-unsigned-from-koji"
    """Unsigned RPMs are taken from Koji, by Koji's digest."""


class Repository(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A repository of the release; `{arch}` in `baseurl` stands for the architecture."""

    id: Word
    baseurl: str = pydantic.Field(pattern=r"^https?://\S+$")
    role: Role = Role.STABLE

    @pydantic.field_validator("id")
    @classmethod
    def _not_a_request_s(cls, value: str) -> str:
        if value.startswith(locks.EXTRA):
            raise ValueError(f"ids that begin with {locks.EXTRA} are those of requests' own repositories")
        return value

    def url(self, arch: str) -> str:
        """The base URL for an architecture, without a slash at its end."""
        return self.baseurl.replace("{arch}", arch).rstrip("/")


class ImageTypeDefinition(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which backend and preset serve an image type, with the backend's own options."""

    backend: Word
    preset: Word
    options: dict[str, Any] = {}


class Release(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A release as the operator defined it. `keys` are armored public keys, read from the named files.

    Of a package named without a build the newest at the first level of `package_order` that has any is taken.
    """

    name: Word
    title: str
    version: str
    arches: tuple[Word, ...]
    kickstart_syntax: str
    dist_tag: str = ""
    koji_hub: Url | None = None
    koji_topurl: Url | None = None
    bodhi: Url | None = None
    candidate_tag: Word | None = None
    package_order: tuple[Level, ...] = (Level.STABLE, Level.TESTING, Level.CANDIDATE)
    trust: TrustPolicy = TrustPolicy.ALLOW_UNSIGNED_FROM_KOJI
    keys: tuple[str, ...] = ()
    repositories: tuple[Repository, ...]
    image_types: dict[ImageType, ImageTypeDefinition]

    def definition(self, image_type: ImageType) -> ImageTypeDefinition:
        """How the image type is made; raises errors.UnknownImageType."""
        try:
            return self.image_types[image_type]
        except KeyError:
            raise errors.UnknownImageType(
                f"Release {self.name} offers no image of type «{image_type.value}»",
                remedy=f"ask for one of: {', '.join(self.image_types) or 'none'}",
            ) from None


class MissingKey(Exception):
    """A key file of a release definition is not on this machine."""

    def __init__(self, release: str, path: str) -> None:
        super().__init__(f"its key {path} is not on the service's machine")
        self.release = release


def load(path: pathlib.Path) -> Release:
    """The release defined in one TOML file; key files are relative to it.

    Raises errors.InvalidRequest for a wrong definition, and MissingKey.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        for name in data.get("key_files", []):
            if not (path.parent / name).exists():
                raise MissingKey(data.get("name", path.stem), str(path.parent / name))
        data["keys"] = [(path.parent / name).read_text("ascii") for name in data.pop("key_files", [])]
        return Release.model_validate(data)
    except (OSError, tomllib.TOMLDecodeError, UnicodeError, pydantic.ValidationError) as error:
        raise errors.InvalidRequest(
            f"The release definition {path.name} can't be used",
            cause=" ".join(str(error).split())[:400],
            remedy="correct the file and start the service again",
        ) from error


class Releases:
    """All release definitions of a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Reads every `*.toml` in `folder`; raises errors.InvalidRequest for a wrong one.

        A release without its key is left out: every signed build of it would be refused.
        """
        self._releases: dict[str, Release] = {}
        self._left_out: dict[str, str] = {}
        for path in sorted(folder.glob("*.toml")):
            try:
                release = load(path)
            except MissingKey as missing:
                log.warning("release %s is not offered, because %s", missing.release, missing)
                self._left_out[missing.release] = str(missing)
            else:
                self._releases[release.name] = release

    def all(self) -> list[Release]:
        """Every release, by name."""
        return list(self._releases.values())

    def get(self, name: str) -> Release:
        """The release of that name; raises errors.UnknownRelease with those that there are."""
        try:
            return self._releases[name]
        except KeyError:
            raise errors.UnknownRelease(
                f"There is no release «{name}»",
                cause=self._left_out.get(name, "no release definition has that name"),
                remedy=f"ask for one of: {', '.join(sorted(self._releases)) or 'none is defined'}",
            ) from None
