# SPDX-License-Identifier: MIT
"""The rows that Koji's database would hold for the demo's builds: tags, builds, packages, signatures, tasks.

Rows only, with the field names Koji's calls return; koji_hub answers calls from them.
"""

from __future__ import annotations

import collections.abc
import datetime
import typing

from demo import builds, koji_files, rpms

Row = dict[str, typing.Any]

_TAGS = {
    "demo": [],
    "demo-updates": ["demo"],
    "demo-updates-testing": ["demo-updates"],
    "demo-updates-testing-pending": ["demo-updates"],
    "demo-updates-candidate": ["demo-updates"],
    "demo-build": ["demo-updates"],
    "demo-build-side-7": ["demo-build"],
}
_OWNER = {"owner_id": 1, "owner_name": "packager"}
_CLOSED, _COMPLETE = 2, 1


def records(
    own: collections.abc.Sequence[tuple[builds.Build, list[rpms.Rpm]]],
    signatures: koji_files.Signatures,
    when: datetime.datetime,
) -> Row:
    """Return everything the look-alike hub knows, ready for JSON."""
    names = sorted({build.source.name for build, _ in own})
    package_ids = {name: 500 + number for number, name in enumerate(names)}
    build_rows: list[Row] = []
    rpm_rows: list[Row] = []
    tagged: list[Row] = []
    tasks = _scratch_tasks(when)
    signed: dict[str, list[Row]] = {}
    known = [(build, found) for build, found in own if build.place is not builds.Place.SCRATCH]
    for number, (build, found) in enumerate(known):
        build_id = 1000 + number
        moment = when - datetime.timedelta(hours=len(known) - number)
        build_rows.append(_build(build, found, build_id, package_ids[build.source.name], moment))
        tasks.append(_task(7000 + build_id, "build", None, "noarch", moment))
        tagged += [{"tag": tag, "build_id": build_id, "create_event": 20000 + number} for tag in build.tags]
        for rpm in found:
            rpm_id = 50000 + len(rpm_rows)
            rpm_rows.append(_rpm(rpm, rpm_id, build_id))
            signed[str(rpm_id)] = [
                {"sigkey": copy.key_id, "sighash": copy.md5, "sha256": copy.sha256, "md5": copy.md5}
                for copy in signatures.get(rpm.path.name.removesuffix(".rpm"), [])
            ]
    return {
        "tags": _tag_rows(),
        "parents": _TAGS,
        "builds": build_rows,
        "rpms": rpm_rows,
        "signatures": signed,
        "tagged": tagged,
        "tasks": tasks,
    }


def _tag_rows() -> list[Row]:
    rows = []
    for number, name in enumerate(_TAGS):
        row = {
            "id": 100 + number,
            "name": name,
            "perm_id": None,
            "perm": None,
            "arches": "x86_64",
            "locked": False,
        }
        extra = {"sidetag": True, "sidetag_user": "packager", "sidetag_user_id": 1} if "-side-" in name else {}
        rows.append({**row, "maven_support": False, "maven_include_all": False, "extra": extra})
    return rows


def _build(
    build: builds.Build, found: list[rpms.Rpm], build_id: int, package_id: int, moment: datetime.datetime
) -> Row:
    source = build.source
    stamp, text = moment.timestamp(), moment.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    return {
        "id": build_id,
        "build_id": build_id,
        "package_id": package_id,
        "package_name": source.name,
        "name": source.name,
        "version": source.version,
        "release": source.release,
        "epoch": found[0].epoch,
        "nvr": source.nvr,
        "draft": False,
        "state": _COMPLETE,
        "task_id": 7000 + build_id,
        **_OWNER,
        "volume_id": 0,
        "volume_name": "DEFAULT",
        "creation_event_id": 10000 + build_id,
        **dict.fromkeys(("creation_time", "start_time", "completion_time"), text),
        **dict.fromkeys(("creation_ts", "start_ts", "completion_ts"), stamp),
        **dict.fromkeys(
            ("promotion_time", "promotion_ts", "promoter_id", "promoter_name", "cg_id", "cg_name", "extra")
        ),
        "source": f"git+https://demo.invalid/rpms/{source.name}#{source.version}",
    }


def _rpm(rpm: rpms.Rpm, rpm_id: int, build_id: int) -> Row:
    return {
        "id": rpm_id,
        "name": rpm.name,
        "version": rpm.version,
        "release": rpm.release,
        "nvr": rpm.nvr,
        "arch": rpm.arch,
        "epoch": rpm.epoch,
        "draft": False,
        "payloadhash": rpm.payload_hash,
        "size": rpm.path.stat().st_size,
        "buildtime": rpm.build_time,
        "build_id": build_id,
        "buildroot_id": 30000 + build_id,
        "external_repo_id": 0,
        "external_repo_name": "INTERNAL",
        "metadata_only": False,
        "extra": None,
    }


def _scratch_tasks(when: datetime.datetime) -> list[Row]:
    child = _task(koji_files.SCRATCH_CHILD, "buildArch", koji_files.SCRATCH_TASK, "x86_64", when)
    return [_task(koji_files.SCRATCH_TASK, "build", None, "noarch", when, scratch=True), child]


def _task(
    task_id: int,
    method: str,
    parent: int | None,
    arch: str,
    when: datetime.datetime,
    *,
    scratch: bool = False,
) -> Row:
    text, stamp = when.strftime("%Y-%m-%d %H:%M:%S.%f+00:00"), when.timestamp()
    source = "cli-build/ondemand.src.rpm"
    return {
        "id": task_id,
        "method": method,
        "parent": parent,
        "label": None if parent is None else arch,
        "arch": arch,
        "state": _CLOSED,
        "owner": 1,
        "host_id": 3,
        "channel_id": 1,
        "priority": 20,
        "weight": 1.5,
        "awaited": False,
        "waiting": False,
        **dict.fromkeys(("create_time", "start_time", "completion_time"), text),
        **dict.fromkeys(("create_ts", "start_ts", "completion_ts"), stamp),
        "request": [source, "demo-build", {"scratch": True}] if scratch else [source, "demo-build", {}],
    }
