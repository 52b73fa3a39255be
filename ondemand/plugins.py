# SPDX-License-Identifier: MIT
"""The plugin contracts on one page. A plugin is a class named in one of the entry point groups below.

Built-in plugins come through the same entry points as a stranger's; see docs/example_backend.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from ondemand import settings
from ondemand.build_requests import BuildRequest
from ondemand.descriptions import Description
from ondemand.errors import FailureClass
from ondemand.facts import Facts
from ondemand.locks import Lock
from ondemand.references import Reference
from ondemand.releases import Release, Role

BACKENDS = "ondemand.backends"
SOURCES = "ondemand.sources"
TRIGGERS = "ondemand.triggers"
STORAGE = "ondemand.storage"
NOTIFIERS = "ondemand.notifiers"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draft:
    """What of an order is known as soon as the lock is. `kickstart` is flattened; `options` are the release definition's.

    With a `description` the image is made from that; `kickstart` then says no more than which packages were asked for.
    `versions` are those of the backend's tools on a builder, as its `probes` told them; the master knows none.
    """

    request: BuildRequest
    release: Release
    lock: Lock
    kickstart: str
    label: str
    options: Mapping[str, Any]
    description: Description | None = None
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order(Draft):
    """What a backend works from. The folders exist; `repository` holds repodata and exactly the locked RPMs.

    `work` is the backend's own, empty at the start. `kickstart` is `build.ks`, with `repository` as its only source.
    `boot_iso` is the release's published one, proven by its digest; `tree` a folder with Packages/ and repodata with groups,
    of exactly `lock.tree`; `side` the side repository's folder with repodata. Each is None where the lock has none.
    """

    build_id: int
    attempt: int
    repository: pathlib.Path
    work: pathlib.Path
    boot_iso: pathlib.Path | None = None
    tree: pathlib.Path | None = None
    side: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a plan. `argv[0]` is looked up on PATH; `timeout` in seconds; no shell.

    Programs in `programs`, a folder below `work`, are found before those on PATH.
    """

    argv: tuple[str, ...]
    timeout: float
    network: bool = False
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    programs: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """What makes one package set of another: RPM files to `install` in place of any other version, names to `remove`,
    and the names of all packages that differ."""

    install: tuple[pathlib.Path, ...]
    remove: tuple[str, ...]
    names: frozenset[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Root:
    """A root in `folder` (below `work`) with nothing but the lock's packages in it, which `commands` take where they find it.

    `prepare` makes it from nothing; `renew` turns an earlier one into it, or gives None where only a new one is right.
    Meanwhile folders of the host are seen in it as `mounts` says (folder -> place below `work`).
    `key` is all that it depends on beside the packages. The builder decides whether any of this is done.
    """

    folder: str
    key: Mapping[str, Any]
    prepare: tuple[Command, ...]
    renew: Callable[[Change], tuple[Command, ...] | None]
    mounts: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initramfs:
    """A folder below `work` where `commands` find earlier ones with the same `key` (`earlier/*/`), tell which one they
    took (`taken.json`), or leave a new one in `made/`, which is there where one is wanted.

    They alone judge whether an earlier one is right."""

    folder: str
    key: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do: write `files` and `binaries` (path below `work` -> content, `executable` names those that get mode 0755),
    make `folders`, run `commands` in order in `work`, then `image` (a glob below `work`) names exactly one file.

    `logs` are globs below `work` of what the commands wrote elsewhere: the ends of these files go into the step's log.
    `root` and `initramfs` say what of it may be taken from earlier builds; `commands` alone make the same image."""

    files: Mapping[str, str]
    commands: tuple[Command, ...]
    image: str
    folders: tuple[str, ...] = ()
    executable: frozenset[str] = frozenset()
    binaries: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    logs: tuple[str, ...] = ()
    root: Root | None = None
    initramfs: Initramfs | None = None


class Backend(Protocol):
    """A locked build and a work folder become a plan; pure: runs nothing, writes nothing."""

    name: ClassVar[str]
    closed: ClassVar[bool]
    """Whether the image holds exactly the lock; else verify only asks for the wanted builds."""
    image_types: ClassVar[frozenset[str]]
    tools: ClassVar[tuple[str, ...]]
    """Programs that must be on PATH for a builder to offer this backend."""
    commands: ClassVar[frozenset[str] | None]
    """The kickstart's commands that it carries out, beside sections; of others the user is warned. None: all."""

    def disk(self, lock: Lock) -> int:
        """Bytes of disk that a build needs at its fullest, without the RPM cache."""

    def plan(self, order: Order) -> Plan:
        """The plan, with `lock.rules` for what of each package is installed; raises errors.InvalidRequest for options it
        does not know."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """A known way in which a tool fails: `pattern` is a regular expression for one line of its output, the place of the fault.

    `happened` ends the sentence «TOOL failed: …» and may name groups of the pattern as `{name}`; `cause` follows «because», and
    where it is empty the line itself stands for it. `failure_class` says who has to act: of BUILDER and SERVICE another builder tries.
    A row of BUILDER counts within the last 100 lines, unless one of another class, which is no `consequence`, stands after it.
    """

    pattern: str
    happened: str
    remedy: str
    cause: str = ""
    failure_class: FailureClass = FailureClass.CONTENT
    consequence: bool = False
    """Whether tools say it too where the machine gave them too little; then that is what failed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """A line by which a tool tells how far it is; of several the last line counts.

    `text` is what people read, with groups of `pattern` as `{name}`. The line stands for the part of the tool's run from `begin` to
    `end`, fractions of 1; where the pattern has the groups `done` and `whole`, or `percent`, for so much of that part.
    """

    pattern: str
    text: str
    begin: float
    end: float


def check(backend: Backend, draft: Draft) -> None:
    """Lets the backend refuse what it could make no plan for, by its method `check`; one without it tells in its plan.

    The master asks with each check, a builder, which knows its tools' versions, before it fetches anything.
    Raises errors.InvalidRequest, or errors.ToolMissing for a version that the backend can't drive.
    """
    if (judge := getattr(backend, "check", None)) is not None:
        judge(draft)


def failures(backend: Backend) -> tuple[Failure, ...]:
    """How its tools are known to fail, what tells more first: by the backend's attribute `failures`, else none."""
    return tuple(getattr(backend, "failures", ()))


def progress(backend: Backend) -> tuple[Progress, ...]:
    """By which lines its tools tell how far they are: by the backend's attribute `progress`, else none."""
    return tuple(getattr(backend, "progress", ()))


def probes(backend: Backend) -> Mapping[str, tuple[str, ...]]:
    """Per tool the command whose output's first version is the tool's: by the backend's attribute `probes`, else none."""
    return dict(getattr(backend, "probes", {}))


def takes_descriptions(backend: Backend) -> bool:
    """Whether it can begin from a kiwi description (`Order.description`): by its attribute `descriptions`, else it can't."""
    return bool(getattr(backend, "descriptions", False))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceRpm:
    """One RPM that a source names. `signed_by` are key ids known to have signed it, lower-case hex.

    `urls` are tried in order; `checksums` as in ondemand.locks.LockedPackage; `size` bytes or -1. An `epoch` of
    None is not known to the source: the check reads it from the file. `origin` says to people where it was found.
    `file` is the RPM itself where it was uploaded and so lies on the master's disk; `urls` are for the builder then.
    """

    name: str
    epoch: int | None
    version: str
    release: str
    arch: str
    urls: tuple[str, ...]
    checksums: Mapping[str, str]
    size: int = -1
    signed_by: tuple[str, ...] = ()
    origin: str = ""
    file: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceBuild:
    """One build of a reference: its NVR and all RPMs of `Release.package_arches`, without sources and debug data.

    Of a `scratch` build the NVR identifies nothing: other RPMs of the same name and version may be elsewhere.
    """

    nvr: str
    rpms: tuple[SourceRpm, ...]
    scratch: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolution:
    """What a reference became; `warnings` are sentences for people.

    `identity` is another text as soon as the reference means something else; empty where the builds say enough.
    `install` are names of packages that the reference itself asks to be in the image. Of a `required` one a build on which
    nothing in the image depends is refused, else it is left out.
    """

    reference: Reference
    builds: tuple[SourceBuild, ...]
    warnings: tuple[str, ...] = ()
    identity: str = ""
    install: tuple[str, ...] = ()
    required: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class CatalogPackage:
    """A package in a repository of the release: `role` is the repository's, `source` the NVR of its build."""

    rpm: SourceRpm
    role: Role
    source: str


class Catalog(Protocol):
    """What the release's repositories hold for one architecture and noarch, and the uploads. A source may ask it, or not."""

    def named(self, name: str) -> Sequence[CatalogPackage]:
        """Packages of that name, else those built from the source package of that name; the newest first, of equal
        ones the stable repositories'. Raises errors.SourceUnavailable where a repository can't be read."""

    def built_as(self, nvr: str, role: Role) -> Sequence[CatalogPackage]:
        """All packages of one build in the repositories of a role, of multilib too; raises as `named` does."""

    def near(self, name: str) -> Sequence[str]:
        """Names of packages that may have been meant by one that there is not, the nearest first; raises as `named` does."""

    def upload(self, sha256: str) -> SourceRpm | None:
        """The uploaded RPM with that digest, of whatever architecture; None where it is not there (any more)."""


class Source(Protocol):
    """A reference becomes exact RPMs with URL, digest and key."""

    kind: ClassVar[str]
    """The reference kind it serves."""

    def resolve(self, reference: Reference, release: Release, arch: str, catalog: Catalog) -> Resolution:
        """Asks the source; raises errors.UnknownReference, or errors.SourceUnavailable when it is away."""


class Trigger(Protocol):
    """A message of the bus becomes facts; the master's rules turn facts into wishes. Pure: asks nobody."""

    topics: ClassVar[tuple[str, ...]]
    """How the topics end that it reads, for instance `bodhi.update.complete.testing`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Its table of `[consumer_config]`; raises errors.CannotStart for options it does not know."""

    def facts(self, message_id: str, topic: str, sent_at: datetime.datetime, body: Mapping[str, Any]) -> Facts | None:
        """What the message says, None when nothing of interest; raises errors.InvalidRequest for a malformed one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatestBuild:
    """The build of a package that a source got last: `where` says to people in which tag or list."""

    nvr: str
    epoch: int
    where: str


@runtime_checkable
class LatestBuilds(Protocol):
    """What a source may do beside `resolve`: tell people that there is something newer. No check ever waits for it."""

    def latest(self, names: Sequence[str], release: Release) -> Mapping[str, LatestBuild]:
        """The newest complete builds of these source packages, by name; raises errors.SourceUnavailable."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file in the storage: its address for people, size in bytes and SHA-256 as read back."""

    url: str
    size: int
    sha256: str


class Storage(Protocol):
    """Files of an attempt become URLs; written once, verified. Chosen by `[storage] plugin`."""

    def __init__(self, url: str, public_url: str) -> None:
        """`[storage] url`, and `public_url` (may be empty), at which people reach what lies there."""

    def store(self, source: pathlib.Path, key: str, sha256: str) -> StoredFile:
        """Puts `source` at `key` (`release/build/attempt/name`) and reads it back; raises errors.StorageFailed."""

    def delete(self, prefix: str) -> None:
        """Removes everything below `prefix` (`release/build/attempt`); missing is no error."""

    def local_path(self, key: str) -> pathlib.Path | None:
        """The file's path when it lies on this machine, to be served from there; else None."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notice:
    """An event for one recipient: `build` is the build's record as the API gives it."""

    event_id: int
    kind: str
    recipient: str
    build: Mapping[str, Any]


class Notifier(Protocol):
    """An event and a recipient: delivered, later, or never. The service uses the one called `mail`."""

    sink: ClassVar[str]

    def __init__(self, options: settings.Mail, templates: pathlib.Path) -> None:
        """The table `[mail]`, and the folder of the texts."""

    def deliver(self, notice: Notice) -> None:
        """Hands it over once; raises errors.DeliveryFailed (`permanent` says never)."""
