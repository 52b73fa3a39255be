# SPDX-License-Identifier: MIT
"""The lock: what a request was resolved to, to the byte. Records only, no I/O."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable

import pydantic

SIDE_REPOSITORY = "side repository"
"""The origin of every package that the stable repositories do not have at the wanted version."""
EXTRA = "extra-"
"""What the origin of a package from a repository that the request itself names begins with."""
REPOSITORY_DIGEST = "repository-digest"
"""Trust of a package from a repository without a key: by the digest in that repository's metadata alone."""

MIRRORS = 4
"""Mirrors that a lock names for one package at most; Koji's address may come after them."""


class Preset(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What an image begins from, as it was: `kind` is `kickstart` or `kiwi`, or `url` for a kickstart that the request
    names by address. `upstream` and `commit` say where it comes from, `sha256` is over the flattened text, or over
    all files of the description."""

    name: str
    kind: str
    title: str | None = None
    upstream: str | None = None
    commit: str | None = None
    sha256: str
    profile: str | None = None


class LockedPackage(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One RPM of the image.

    `urls` are addresses of the same file, tried in their order: at most MIRRORS and Koji's. `size` and
    `installed_size` are bytes, -1 where unknown.
    `checksums` maps a kind to lower-case hex; kinds: `sha256` (whole file, from repository metadata),
    `sigmd5` (header and payload, Koji's `payloadhash`), `header-sha256` (RPM's own SHA256HEADER).
    `trust`: `signed:<key id>`, `koji-digest`, `repository-digest` or `uploaded`. `origin`: a repository's id,
    for one of the request's own `extra-<its name>`, or SIDE_REPOSITORY.
    `reference`: the request's reference that brought it; `build`: the NVR of its source build.
    """

    name: str
    epoch: int = 0
    version: str
    release: str
    arch: str
    origin: str
    urls: tuple[str, ...]
    size: int = -1
    installed_size: int = -1
    checksums: dict[str, str]
    trust: str
    wanted: bool = False
    reference: str | None = None
    build: str | None = None

    @property
    def nevra(self) -> str:
        """`name-[epoch:]version-release.arch`, the epoch left out when it is 0, as dnf writes it."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.arch}"

    @property
    def foreign(self) -> bool:
        """Whether it comes from a repository that the request itself names, so that a user wrote its address."""
        return self.origin.startswith(EXTRA)

    @property
    def beside(self) -> bool:
        """Whether it comes from no repository of the release, so that the side repository carries it."""
        return self.foreign or self.origin == SIDE_REPOSITORY

    @property
    def signed(self) -> bool:
        """Whether a trusted key vouches for it."""
        return self.trust.startswith("signed:")

    @property
    def filename(self) -> str:
        """The RPM's file name, which never holds the epoch."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


class Multilib(enum.StrEnum):
    """Which architectures a package is installed for that is asked for by its bare name."""

    BEST = "best"
    """The system's own where there is one; others only where another package needs them."""
    ALL = "all"
    """Each for which the newest version can be had."""


class BootIso(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The boot.iso that the release published, to the byte. `urls` are tried in their order; `size` is bytes, -1 where unknown."""

    urls: tuple[str, ...]
    sha256: str
    size: int = -1


class Part(enum.StrEnum):
    """Which part of what is made a package belongs to."""

    IMAGE = "image"
    """Installed in the live image."""
    INSTALLER = "installer"
    """In the runtime of a boot ISO's or DVD's installer."""
    TREE = "tree"
    """Offered by a DVD, to be installed from it."""
    BOTH = "installer and tree"
    BESIDE = "side repository on the medium"
    """Installed from a remastered boot ISO, which carries it beside the published installer."""
    SIDE = "side repository alone"
    """A wanted build's package that the image does not need."""


class Rules(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How the set was chosen and is installed, as the kickstart's %packages says it.

    `excluded` are names that may not be installed; of `languages` files are installed, None for all; without
    `documentation` files that a package marks as such are left out.
    """

    weak_dependencies: bool = False
    multilib: Multilib = Multilib.BEST
    excluded: tuple[str, ...] = ()
    languages: tuple[str, ...] | None = None
    documentation: bool = True

    @property
    def sentence(self) -> str:
        """The rules for people; what is as usual goes without saying."""
        said = ["weak dependencies are installed" if self.weak_dependencies else "weak dependencies are left out"]
        if self.multilib is Multilib.ALL:
            said.append("packages come for every architecture that there is")
        if self.excluded:
            more = f" and {len(self.excluded) - _NAMED} more" if len(self.excluded) > _NAMED else ""
            said.append(f"left out: {', '.join(self.excluded[:_NAMED])}{more}")
        if self.languages is not None:
            said.append(f"files of these languages alone: {', '.join(self.languages) or 'none'}")
        if not self.documentation:
            said.append("no documentation")
        text = "; ".join(said)
        return f"{text[0].upper()}{text[1:]}."


_NAMED = 20
_YOUNGER: dict[str, object] = {"tree": (), "side": (), "rules": Rules(), "preset": None, "boot_iso": None, "groups": ""}
"""Fields that the first locks did not have: at these values they count nothing, so that a kept lock keeps its digest."""


class Lock(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Everything that the image will hold, and the snapshot it was solved against.

    `snapshot` maps a repository id to the SHA-256 of its repomd.xml; `keys` are the armored public keys
    that the build's keyring will hold; `requested` the names that the image was asked to have. `packages` are
    installed in the image, for a boot ISO or DVD in its installer's runtime; `tree` is what a DVD offers to install.
    `preset` is None where the request brings a kickstart's text of its own.
    `side` are the packages of the wanted builds that the image does not install and no stable repository has: the
    side repository carries them beside those of the image.
    With a `boot_iso` the installer is that one: a DVD then has no `packages`, and of a remastered boot ISO they are those
    that its side repository brings into the installed system. `groups` is the comps XML of a DVD's tree.
    """

    format: int = 1
    release: str
    arch: str
    image_type: str
    snapshot: dict[str, str]
    keys: tuple[str, ...] = ()
    requested: tuple[str, ...]
    packages: tuple[LockedPackage, ...]
    tree: tuple[LockedPackage, ...] = ()
    side: tuple[LockedPackage, ...] = ()
    rules: Rules = Rules()
    warnings: tuple[str, ...] = ()
    preset: Preset | None = None
    boot_iso: BootIso | None = None
    groups: str = ""

    @property
    def everything(self) -> tuple[LockedPackage, ...]:
        """All that is fetched: the image's packages and the further ones of the side repository."""
        return self.contents + self.side

    @property
    def remastered(self) -> bool:
        """Whether the image is the published boot.iso with a side repository; then nothing else of the lock is on it."""
        return self.boot_iso is not None and self.image_type == "boot"

    @property
    def contents(self) -> tuple[LockedPackage, ...]:
        """All packages of the image once, whatever part of it they are in."""
        if not self.tree:
            return self.packages
        installed = {package.nevra for package in self.packages}
        return self.packages + tuple(package for package in self.tree if package.nevra not in installed)

    @property
    def parts(self) -> tuple[tuple[LockedPackage, Part], ...]:
        """All that is fetched, each with the part it belongs to."""
        installed = {package.nevra for package in self.packages}
        offered = {package.nevra for package in self.tree}
        alone = Part.IMAGE if self.image_type == "live" else Part.BESIDE if self.remastered else Part.INSTALLER

        def part(nevra: str) -> Part:
            if nevra in offered:
                return Part.BOTH if nevra in installed else Part.TREE
            return alone

        held = tuple((package, part(package.nevra)) for package in self.contents)
        return held + tuple((package, Part.SIDE) for package in self.side)

    @property
    def wanted(self) -> tuple[LockedPackage, ...]:
        """The packages of the image that the request named builds for."""
        return tuple(package for package in self.contents if package.wanted)

    @property
    def unsigned(self) -> tuple[LockedPackage, ...]:
        """The packages of the image that no key vouches for, whatever else does."""
        return tuple(package for package in self.contents if not package.signed)

    @property
    def installed_size(self) -> int:
        """Bytes that the installed packages take; unknown ones count nothing."""
        return sum(max(0, package.installed_size) for package in self.packages)

    @property
    def download_size(self) -> int:
        """Bytes of the image's RPM files; unknown ones count nothing."""
        return _size(self.contents)

    @property
    def fetched_size(self) -> int:
        """Bytes of all that is fetched, RPM files and boot.iso; unknown ones count nothing."""
        return _size(self.everything) + max(0, self.boot_iso.size if self.boot_iso else 0)

    @property
    def disk(self) -> int:
        """Bytes of disk that all RPMs take, those of the side repository twice, since its file holds them too."""
        return self.fetched_size + _size(p for p in self.everything if p.wanted or p.beside)

    def digest(self) -> str:
        """SHA-256 over the canonical JSON: the same for the same lock anywhere, also for one of before a field."""
        unsaid = {name for name, value in _YOUNGER.items() if getattr(self, name) == value}
        content = self.model_dump(mode="json", exclude=unsaid)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _size(packages: Iterable[LockedPackage]) -> int:
    return sum(max(0, package.size) for package in packages)
