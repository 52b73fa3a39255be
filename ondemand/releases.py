# SPDX-License-Identifier: MIT
"""Release definitions (`config/releases/*.toml`): repositories, Koji, Bodhi, and a backend for each image type."""

from __future__ import annotations

import enum
import fnmatch
import logging
import pathlib
import tomllib
from typing import Annotated, Any, Self

import pydantic

from ondemand import errors, locks
from ondemand.build_requests import ImageType, Line, Url, Word

log = logging.getLogger(__name__)
Address = Annotated[str, pydantic.Field(pattern=r"^https?://\S+$")]
INSTALLER_TEMPLATE = "runtime-install.tmpl"
"""The one of lorax's templates that says which packages an installer's runtime is made of."""


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
    """A repository of the release; `{arch}` in an address stands for the architecture.

    `baseurl` is one address or a list; mirrors that `metalink` or `mirrorlist` names are tried before them.
    """

    id: Word
    baseurl: tuple[Address, ...] = ()
    metalink: Address | None = None
    mirrorlist: Address | None = None
    role: Role = Role.STABLE

    @pydantic.field_validator("id")
    @classmethod
    def _not_a_request_s(cls, value: str) -> str:
        if value.startswith(locks.EXTRA):
            raise ValueError(f"ids that begin with {locks.EXTRA} are those of requests' own repositories")
        return value

    @pydantic.field_validator("baseurl", mode="before")
    @classmethod
    def _one_is_a_list_too(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not (self.baseurl or self.metalink or self.mirrorlist):
            raise ValueError(f"repository {self.id} needs a baseurl, metalink or mirrorlist")
        return self

    def urls(self, arch: str) -> tuple[str, ...]:
        """The base URLs for an architecture, without a slash at their end."""
        return tuple(url.replace("{arch}", arch).rstrip("/") for url in self.baseurl)

    def url(self, arch: str) -> str:
        """The address by which people know the repository: its first base URL, else that of its list of mirrors."""
        return next(iter(self.urls(arch)), "") or (self.metalink or self.mirrorlist or "").replace("{arch}", arch)


class Installer(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which installer an image type is: made by lorax from `templates` (a folder), or the one that the release published.

    `boot_iso` is the address of an installation tree, whose `.treeinfo` names images/boot.iso; it goes before templates.
    `product` and `variant` are as lorax is told them.
    """

    templates: str = ""
    boot_iso: Address | None = None
    product: Line
    variant: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9]{0,40}$")] = ""

    @pydantic.model_validator(mode="after")
    def _is_from_somewhere(self) -> Self:
        if not (self.templates or self.boot_iso):
            raise ValueError("an installer needs lorax's `templates` or the address of a tree as `boot_iso`")
        return self

    def tree(self, arch: str) -> str:
        """The address of the published installation tree, without a slash at its end; empty where there is none."""
        return (self.boot_iso or "").replace("{arch}", arch).rstrip("/")


class ImageTypeDefinition(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which backend and preset serve an image type, with the backend's own options.

    With an `installer` the image holds its runtime, and a DVD beside that the packages that the preset names, as a tree.
    """

    backend: Word
    preset: Word
    installer: Installer | None = None
    options: dict[str, Any] = {}


class Release(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A release as the operator defined it. `keys` are armored public keys, read from the named files.

    `known_as` are its names in messages (`F44`) and patterns of them (`f44-*`, as Koji's tags); its own is known anyway.
    `left_out` are image types that are defined but can't be made here, and why.
    Of a package named without a build the newest at the first level of `package_order` that has any is taken.
    `multilib` names for an architecture the further ones whose packages its repositories hold, as i686 for x86_64.
    """

    name: Word
    title: str
    version: str
    known_as: tuple[Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._+*-]{1,100}$")], ...] = ()
    arches: tuple[Word, ...]
    multilib: dict[Word, tuple[Word, ...]] = {}
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
    left_out: dict[ImageType, str] = {}

    def addresses(self, arch: str, *roles: Role) -> tuple[str, ...]:
        """The URLs of its repositories with one of these roles, else of all."""
        return tuple(item.url(arch) for item in self.repositories if not roles or item.role in roles)

    def package_arches(self, arch: str) -> tuple[str, ...]:
        """The architectures of the packages that a system of `arch` can have: its own, noarch, and those of multilib."""
        return (arch, "noarch", *self.multilib.get(arch, ()))

    def definition(self, image_type: ImageType) -> ImageTypeDefinition:
        """How the image type is made; raises errors.UnknownImageType."""
        try:
            return self.image_types[image_type]
        except KeyError:
            raise errors.UnknownImageType(
                f"Release {self.name} offers no image of type «{image_type.value}»",
                cause=self.left_out.get(image_type, ""),
                remedy=f"ask for one of: {', '.join(self.image_types) or 'none'}",
            ) from None

    def options(self, image_type: ImageType, backend: str) -> dict[str, Any]:
        """The backend's options, which the definition has only for its own. Raises errors.UnknownImageType."""
        definition = self.definition(image_type)
        return definition.options if backend == definition.backend else {}

    def installer(self, image_type: ImageType, backend: str | None = None) -> Installer | None:
        """The image type's installer; for another backend than the definition's it is made of the templates, where there
        are any. Raises errors.UnknownImageType."""
        definition = self.definition(image_type)
        found = definition.installer
        if found is not None and found.templates and backend not in (None, definition.backend):
            return found.model_copy(update={"boot_iso": None})
        return found


class MissingKey(Exception):
    """A key file of a release definition is not on this machine."""

    def __init__(self, release: str, path: str) -> None:
        super().__init__(f"its key {path} is not on the service's machine")
        self.release = release


def load(path: pathlib.Path) -> Release:
    """The release defined in one TOML file; key files and installer templates are relative to it.

    An image type whose installer templates are not on this machine is left out.
    Raises errors.InvalidRequest for a wrong definition, and MissingKey.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        for name in data.get("key_files", []):
            if not (path.parent / name).exists():
                raise MissingKey(data.get("name", path.stem), str(path.parent / name))
        data["keys"] = [(path.parent / name).read_text("ascii") for name in data.pop("key_files", [])]
        return _with_installers(Release.model_validate(data), path.parent)
    except (OSError, tomllib.TOMLDecodeError, UnicodeError, pydantic.ValidationError) as error:
        raise errors.InvalidRequest(
            f"The release definition {path.name} can't be used",
            cause=" ".join(str(error).split())[:400],
            remedy="correct the file and start the service again",
        ) from error


def _with_installers(release: Release, folder: pathlib.Path) -> Release:
    """The release with the places of its installer templates, without the image types that lack theirs."""
    made, left_out = {}, {}
    for image_type, definition in release.image_types.items():
        if (installer := definition.installer) is not None and installer.templates:
            place = folder / installer.templates
            if not (place / INSTALLER_TEMPLATE).is_file():
                left_out[image_type] = f"{place / INSTALLER_TEMPLATE} is not on the service's machine"
                log.warning(
                    "release %s: type %s is not offered: %s", release.name, image_type.value, left_out[image_type]
                )
                continue
            installer = installer.model_copy(update={"templates": str(place)})
        made[image_type] = definition.model_copy(update={"installer": installer})
    return release.model_copy(update={"image_types": made, "left_out": left_out})


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

    def defined(self, name: str) -> bool:
        """Whether there is a definition of that name, offered here or not."""
        return name in self._releases or name in self._left_out

    def known_as(self, name: str) -> Release | None:
        """The release that a message calls so: one of its names, else the longest of all patterns that fit; None: none."""
        wanted = name.lower()
        pairs = [(known.lower(), each) for each in self.all() for known in (each.name, *each.known_as)]
        for known, release in pairs:
            if known == wanted:
                return release
        fitting = [(len(known), each) for known, each in pairs if "*" in known and fnmatch.fnmatchcase(wanted, known)]
        return max(fitting, key=lambda pair: pair[0])[1] if fitting else None

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
