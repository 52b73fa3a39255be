# SPDX-License-Identifier: MIT
"""Source `task`: what a Koji task built, mostly a scratch build, becomes RPMs. Downloads nothing.

Koji's hub knows neither epoch nor digest of such files: the check reads both from their headers.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import koji

from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import koji_hub
from ondemand_plugins.sources.koji_hub import Row

_CLOSED = koji.TASK_STATES["CLOSED"]
_GOING_ON = tuple(koji.TASK_STATES[name] for name in ("FREE", "OPEN", "ASSIGNED"))
_MOST = 200
"""Tasks below one that are looked at."""


class KojiTasks:
    """Asks the release's Koji hub, without logging in."""

    kind: ClassVar[str] = "task"

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """The packages that the task `reference.value` left for `arch`; its identity is the task and what lies there.

        Raises errors.UnknownReference for a task that is not there, did not build, or whose files are gone, and
        errors.SourceUnavailable.
        """
        number = int(reference.value)
        with koji_hub.session(release) as session:
            (found,) = koji_hub.answers(session, lambda calls: [calls.getTaskInfo(koji_hub.identity(reference.value))])
            _usable(number, koji_hub.row(found))
            (below,) = koji_hub.answers(session, lambda calls: [calls.getTaskDescendents(number)])
            builders = _builders(below, arch)
            outputs = koji_hub.answers(
                session,
                lambda calls: [calls.listTaskOutput(t["id"], stat=True, all_volumes=True) for t in builders],
            )
        files = _files(builders, outputs)
        rpms = _rpms(files, release, arch)
        if not rpms:
            raise _refused(number, f"it left no packages for {arch}, or they were removed after their time")
        build = plugins.SourceBuild(nvr=_nvr(files, rpms), rpms=rpms, scratch=True)
        return plugins.Resolution(reference=reference, builds=(build,), identity=f"{reference}@{_digest(files)}")


_File = tuple[str, int, str, Mapping[str, Any]]
"""Name, task, volume, and what the hub says of the file (`st_size` as text, `st_mtime`)."""


def _usable(number: int, task: Row | None) -> None:
    if task is None:
        raise koji_hub.unknown([f"There is no task {number} in Koji"], "the hub knows none", "correct its number")
    if task["method"] != "build":
        parent = f"name its parent, task:{task['parent']}" if task.get("parent") else "name a task that builds"
        raise _refused(number, f"it is a task of kind {task['method']}, not build", parent)
    if task["state"] in _GOING_ON:
        raise _refused(number, "it has not ended yet", "wait for its end and ask again")
    if task["state"] != _CLOSED:
        raise _refused(number, f"it is {koji.TASK_STATES[task['state']].lower()}")


def _builders(below: Any, arch: str) -> list[Row]:
    """The tasks that built packages, that for `arch` first: of equal noarch packages its ones are taken."""
    found = {task["id"]: task for tasks in (koji_hub.row(below) or {}).values() for task in tasks if task["method"] == "buildArch"}
    closed = [task for task in found.values() if task["state"] == _CLOSED]
    return sorted(closed, key=lambda task: (arch not in (task.get("label"), task.get("arch")), task["id"]))[:_MOST]


def _files(builders: Sequence[Row], outputs: Sequence[Any]) -> list[_File]:
    found: dict[str, _File] = {}
    for task, output in zip(builders, outputs, strict=True):
        for path, volumes in sorted((koji_hub.row(output) or {}).items()):
            for volume, said in volumes.items():
                if path.endswith(".rpm"):
                    found.setdefault(path, (path, task["id"], volume, said))
    return list(found.values())


def _rpms(files: Iterable[_File], release: releases.Release, arch: str) -> tuple[plugins.SourceRpm, ...]:
    found = (
        plugins.SourceRpm(
            name=row["name"],
            epoch=None,
            version=row["version"],
            release=row["release"],
            arch=row["arch"],
            urls=(row["url"],),
            checksums={},
            size=row["size"],
            origin=f"koji task {row['task']}",
        )
        for row in koji_hub.fitting(_named(files, koji_hub.paths(release)), release, arch)
    )
    return tuple(sorted(found, key=lambda rpm: (rpm.name, rpm.arch)))


def _named(files: Iterable[_File], paths: Any) -> Iterator[Row]:
    """The files whose names are those of RPMs: the parts of each name, its URL, size and task."""
    for path, task, volume, said in files:
        with contextlib.suppress(koji.GenericError):
            parts = koji.parse_NVRA(path.rpartition("/")[2])
            yield {**parts, "url": f"{paths.task(task, volume)}/{path}", "size": int(said["st_size"]), "task": task}


def _nvr(files: Sequence[_File], rpms: Sequence[plugins.SourceRpm]) -> str:
    """The build's name: its source package's, or where that was not kept the shortest of its packages'."""
    sources = [path.rpartition("/")[2] for path, *_ in files if path.endswith(".src.rpm")]
    if sources:
        return sources[0].removesuffix(".src.rpm")
    return min((f"{rpm.name}-{rpm.version}-{rpm.release}" for rpm in rpms), key=len)


def _digest(files: Sequence[_File]) -> str:
    lines = [f"{path} {task} {said['st_size']} {said['st_mtime']}\n" for path, task, _, said in sorted(files, key=lambda f: f[0])]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _refused(number: int, cause: str, remedy: str = "name another task, or a build") -> errors.UnknownReference:
    return koji_hub.unknown([f"Task {number} can't be used"], cause, remedy)
