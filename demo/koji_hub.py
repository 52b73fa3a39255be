# SPDX-License-Identifier: MIT
"""Answers a hub's XML-RPC calls from the demo's records, with the real hub's arguments, results and faults.

Read-only, and only the calls listed here; no session, no event history.
"""

from __future__ import annotations

import collections.abc
import inspect
import json
import pathlib
import re
import typing
import xmlrpc.client

from demo import koji_files

Row = dict[str, typing.Any]
_COMPLETE = 1
_SUMS = ("md5", "sha1", "sha256")


class HubError(Exception):
    """What the hub raises as koji.GenericError."""

    code = 1000


class ParameterError(HubError):
    """What the hub raises when arguments don't fit the call."""

    code = 1019


class Hub:
    """The calls of the look-alike hub; public methods carry Koji's names and arguments."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Read the records of the distribution in `folder`."""
        self._folder = folder
        self._records: Row = json.loads((folder / "data" / "koji.json").read_text(encoding="utf-8"))

    # Names and arguments below are the hub's; a test holds them against tests/data/koji_hub_arguments.json.

    def getAPIVersion(self) -> int:
        """Return the version of the interface."""
        return 1

    def getKojiVersion(self) -> str:
        """Return the version of the hub these calls follow."""
        return "1.35.2"

    def getBuild(self, buildInfo: object, strict: bool = False) -> Row | None:
        """Return a build by id, NVR or map of name, version and release."""
        if isinstance(buildInfo, str):
            name, version, release = split_nvr(buildInfo)
            wanted: Row = {"name": name, "version": version, "release": release}
        elif isinstance(buildInfo, int):
            wanted = {"id": buildInfo}
        elif isinstance(buildInfo, dict) and buildInfo.keys() >= {"name", "version", "release"}:
            wanted = {key: buildInfo[key] for key in ("name", "version", "release")}
        else:
            raise HubError(f"Invalid type for buildInfo: {type(buildInfo)}")
        found = _first(self._records["builds"], wanted)
        if found is None and strict:
            raise HubError(f"No such build: {buildInfo!r}")
        return found

    def listBuildRPMs(self, build: object) -> list[Row]:
        """Return the packages of a build by id or NVR."""
        build_id = build if isinstance(build, int) else (self.getBuild(build, strict=True) or {})["id"]
        rows = self.listRPMs(buildID=build_id)
        return rows if isinstance(rows, list) else []

    def listRPMs(
        self,
        buildID: int | None = None,
        buildrootID: int | None = None,
        imageID: int | None = None,
        componentBuildrootID: int | None = None,
        hostID: int | None = None,
        arches: str | list[str] | None = None,
        queryOpts: Row | None = None,
        draft: bool | None = None,
    ) -> list[Row] | int:
        """Return packages by build, buildroot and architecture."""
        if imageID is not None or componentBuildrootID is not None or hostID is not None:
            return _with_options([], queryOpts)
        rows: list[Row] = self._records["rpms"]
        if buildID is not None:
            rows = [row for row in rows if row["build_id"] == buildID]
        if buildrootID is not None:
            rows = [row for row in rows if row["buildroot_id"] == buildrootID]
        if arches is not None:
            wanted = [arches] if isinstance(arches, str) else arches
            rows = [row for row in rows if row["arch"] in wanted]
        if draft is not None:
            rows = [row for row in rows if row["draft"] is draft]
        return _with_options(rows, queryOpts)

    def getRPM(self, rpminfo: object, strict: bool = False, multi: bool = False) -> Row | list[Row] | None:
        """Return a package by id, NVRA or map of name, version, release and arch."""
        if isinstance(rpminfo, str) and not rpminfo.isdigit():
            nvr, _, arch = rpminfo.removesuffix(".rpm").rpartition(".")
            name, version, release = split_nvr(nvr)
            wanted: Row = {"name": name, "version": version, "release": release, "arch": arch}
        elif isinstance(rpminfo, int | str):
            wanted = {"id": int(rpminfo)}
        elif isinstance(rpminfo, dict):
            wanted = {key: rpminfo[key] for key in ("id", "name", "version", "release", "arch") if key in rpminfo}
        else:
            raise HubError(f"Invalid type for rpminfo: {type(rpminfo)!r}")
        found = _first(self._records["rpms"], wanted)
        if multi:
            return [found] if found else []
        if found is None and strict:
            raise HubError(f"No such rpm: {wanted!r}")
        return found

    def queryRPMSigs(
        self, rpm_id: object = None, sigkey: str | None = None, queryOpts: Row | None = None
    ) -> list[Row] | int:
        """Return the signatures of a package; the unsigned copy's key is the empty string."""
        if rpm_id is not None and not isinstance(rpm_id, int):
            rpm = self.getRPM(rpm_id)
            if not isinstance(rpm, dict):
                return []
            rpm_id = rpm["id"]
        rows = [
            {"rpm_id": int(number), "sigkey": copy["sigkey"], "sighash": copy["sighash"]}
            for number, copies in self._records["signatures"].items()
            for copy in copies
            if (rpm_id is None or int(number) == rpm_id) and (sigkey is None or copy["sigkey"] == sigkey.lower())
        ]
        return _with_options(rows, queryOpts)

    def getRPMChecksums(
        self, rpm_id: object, checksum_types: list[str] | None = None, cacheonly: bool = False
    ) -> dict[str, Row]:
        """Return file digests by key; with `cacheonly` those of the unsigned copy are None, not yet computed."""
        if not isinstance(rpm_id, int):
            raise HubError("rpm_id must be an integer")
        self.getRPM(rpm_id, strict=True)
        kinds = checksum_types or ["md5", "sha256"]
        if not isinstance(kinds, list):
            raise HubError("checksum_type must be a list")
        for kind in kinds:
            if kind not in _SUMS:
                raise HubError(f"Checksum_type {kind} isn't supported")
        copies = self._records["signatures"][str(rpm_id)]
        known = [copy for copy in copies if copy["sigkey"] or not cacheonly]
        sums: dict[str, Row] = {copy["sigkey"]: dict.fromkeys(kinds) for copy in copies}
        for copy in known:
            sums[copy["sigkey"]] = {kind: copy.get(kind) for kind in kinds}
        return sums

    def getTag(self, tagInfo: object, strict: bool = False, event: object = None, blocked: bool = False) -> Row | None:
        """Return a tag by id or name."""
        found = _first(self._records["tags"], {"id" if isinstance(tagInfo, int) else "name": tagInfo})
        if found is None and strict:
            raise HubError(f"No such tagInfo: {tagInfo!r}")
        return found

    def getFullInheritance(
        self, tag: object, event: object = None, reverse: bool = False, **kwargs: object
    ) -> list[Row]:
        """Return the tags that a tag inherits from, nearest first."""
        for key, value in kwargs.items():
            if key not in ("stops", "jumps"):
                raise ParameterError(f"getFullInheritance() got an unexpected keyword argument '{key}'")
            if value:
                raise ParameterError(f"{key} option has been removed since 1.26")
        start = self._tag(tag)
        return self._links(start["name"], reverse, 1)

    def _tag(self, tag: object) -> Row:
        found = self.getTag(tag, strict=True)
        assert found is not None
        return found

    def _links(self, name: str, reverse: bool, depth: int) -> list[Row]:
        parents: dict[str, list[str]] = self._records["parents"]
        steps = [child for child, held in parents.items() if name in held] if reverse else parents[name]
        links = []
        for priority, step in enumerate(steps):
            child, parent = (step, name) if reverse else (name, step)
            link: Row = {"child_id": self._tag(child)["id"], "parent_id": self._tag(parent)["id"], "name": step}
            link |= {"priority": priority, "maxdepth": None, "intransitive": False, "noconfig": False}
            link |= {"pkg_filter": "", "currdepth": depth, "nextdepth": None, "filter": []}
            links += [link, *self._links(step, reverse, depth + 1)]
        return links

    def listTagged(
        self,
        tag: object,
        event: object = None,
        inherit: bool = False,
        prefix: str | None = None,
        latest: bool | int = False,
        package: str | None = None,
        owner: str | None = None,
        type: str | None = None,
        strict: bool = True,
        extra: bool = False,
        draft: bool | None = None,
    ) -> list[Row]:
        """Return the builds of a tag, the last tagged first."""
        start = self.getTag(tag, strict=strict)
        if start is None:
            return []
        names = [start["name"]]
        if inherit:
            names += [link["name"] for link in self.getFullInheritance(start["id"])]
        rows = [row for name in names for row in self._tagged(name)]
        if prefix:
            rows = [row for row in rows if row["package_name"].startswith(prefix.lower())]
        kept = []
        count: dict[str, int] = {}
        for row in rows:
            fits = package in (None, row["package_name"]) and owner in (None, row["owner_name"])
            if not fits or type is not None or (draft is not None and row["draft"] is not draft):
                continue
            count[row["package_name"]] = count.get(row["package_name"], 0) + 1
            if not latest or count[row["package_name"]] <= int(latest):
                kept.append(row)
        return kept

    def _tagged(self, name: str) -> list[Row]:
        held = [row for row in self._records["tagged"] if row["tag"] == name]
        rows = []
        for row in sorted(held, key=lambda row: -row["create_event"]):
            build = self.getBuild(row["build_id"], strict=True) or {}
            if build["state"] == _COMPLETE:
                more = {"tag_name": name, "tag_id": self._tag(name)["id"], "create_event": row["create_event"]}
                rows.append({**build, **more})
        return rows

    def countAndFilterResults(self, methodName: str, *args: object, **kw: typing.Any) -> list[typing.Any]:
        """Return how many rows another call has, and those of them that `filterOpts` leaves."""
        options = kw.pop("filterOpts", {})
        handler = None if methodName.startswith("_") else getattr(self, methodName, None)
        if handler is None:
            raise HubError(f"method {methodName} doesn't exist")
        try:
            rows = handler(*args, **kw)
        except Exception as problem:
            raise HubError(f"method {methodName} raised an exception ({problem})") from problem
        if rows is None:
            return [0, None]
        if not isinstance(rows, list):
            raise HubError(f"{methodName}() did not return a list")
        return [len(rows), _with_options(rows, options)]

    def getTaskInfo(self, task_id: object, request: bool = False, strict: bool = False) -> object:
        """Return a task, or a list of them for a list of ids."""
        if isinstance(task_id, list):
            return [self.getTaskInfo(number, request, strict) for number in task_id]
        found = _first(self._records["tasks"], {"id": _integer(task_id)})
        if found is None and strict:
            raise HubError("query returned no rows")
        return found if found is None or request else {key: found[key] for key in found if key != "request"}

    def getTaskChildren(self, task_id: object, request: bool = False, strict: bool = False) -> list[object]:
        """Return the tasks whose parent is the given one."""
        if strict:
            self.getTaskInfo(task_id, strict=True)
        number = _integer(task_id)
        found = [row["id"] for row in self._records["tasks"] if row["parent"] == number]
        return [self.getTaskInfo(child, request) for child in sorted(found)]

    def getTaskDescendents(self, task_id: object, request: bool = False) -> dict[str, list[object]]:
        """Return the children of a task and of all below it, by id as text."""
        children = self.getTaskChildren(task_id, request)
        below: dict[str, list[object]] = {str(task_id): children}
        for child in children:
            assert isinstance(child, dict)
            below |= self.getTaskDescendents(child["id"], request)
        return below

    def listTaskOutput(
        self, taskID: object, stat: bool = False, all_volumes: bool = False, strict: bool = False
    ) -> object:
        """Return the names of the files a task left; a map where sizes or volumes are asked for."""
        if strict and self.getTaskInfo(taskID) is None:
            raise HubError("Task doesn't exist")
        folder = koji_files.task_folder(self._folder, _integer(taskID))
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        names = [str(path.relative_to(folder)) for path in files]
        if not stat:
            return {name: ["DEFAULT"] for name in names} if all_volumes else names
        sizes = {name: _stat(path) for name, path in zip(names, files, strict=True)}
        return {name: {"DEFAULT": row} for name, row in sizes.items()} if all_volumes else sizes


def _stat(path: pathlib.Path) -> Row:
    held = path.stat()
    times = {"st_atime": held.st_atime, "st_mtime": held.st_mtime, "st_ctime": held.st_ctime}
    return {**times, "st_size": str(held.st_size)}


def split_nvr(nvr: str) -> tuple[str, str, str]:
    """Return name, version and release; raises HubError as the hub does for other text."""
    found = re.fullmatch(r"(.+)-([^-]+)-([^-]+)", nvr)
    if found is None:
        raise HubError(f"invalid format: {nvr}")
    return found[1], found[2], found[3]


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError as problem:
        raise ParameterError(f"Invalid type for value '{value}': {type(value)}") from problem


def _first(rows: list[Row], wanted: Row) -> Row | None:
    return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)


def _with_options(rows: list[Row], options: Row | None) -> list[Row] | int:
    options = options or {}
    for field in reversed(str(options.get("order") or "").split(",")):
        if name := field.lstrip("-"):
            rows = sorted(rows, key=lambda row: row[name], reverse=field.startswith("-"))
    start = int(options.get("offset") or 0)
    end = start + int(options["limit"]) if options.get("limit") is not None else None
    rows = rows[start:end]
    return len(rows) if options.get("countOnly") else rows


class Dispatcher:
    """Decodes requests, calls the hub and encodes results and faults."""

    def __init__(self, hub: Hub) -> None:
        """Serve the public methods of `hub`."""
        self._hub = hub

    def answer(self, body: bytes) -> bytes:
        """Return the XML-RPC response to an XML-RPC request."""
        try:
            parameters, method = xmlrpc.client.loads(body)
            result = self._call(str(method), parameters)
            text = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True)
        except Exception as problem:
            code, message = _fault(problem)
            text = xmlrpc.client.dumps(xmlrpc.client.Fault(code, message), allow_none=True)
        return text.encode()

    def _call(self, method: str, parameters: collections.abc.Sequence[typing.Any]) -> typing.Any:
        if method in ("multiCall", "system.multicall"):
            return [self._one(call["methodName"], call["params"]) for call in parameters[0]]
        handler = None if method.startswith("_") else getattr(self._hub, method, None)
        if handler is None:
            raise HubError(f"Invalid method: {method}")
        positional, keywords = decode_arguments(parameters)
        try:
            inspect.signature(handler).bind(*positional, **keywords)
        except TypeError as problem:
            raise ParameterError(f"{method}() {problem}") from problem
        return handler(*positional, **keywords)

    def _one(self, method: str, parameters: collections.abc.Sequence[typing.Any]) -> object:
        try:
            return [self._call(method, parameters)]
        except Exception as problem:
            code, message = _fault(problem)
            return {"faultCode": code, "faultString": message, "traceback": []}


def _fault(problem: Exception) -> tuple[int, str]:
    code = problem.code if isinstance(problem, HubError) else 1
    return code, str(problem) if isinstance(problem, HubError) else f"{type(problem)}: {problem}"


def decode_arguments(
    parameters: collections.abc.Sequence[typing.Any],
) -> tuple[list[typing.Any], dict[str, typing.Any]]:
    """Return (positional, keywords): Koji sends keywords as a last map marked with `__starstar`."""
    if parameters and isinstance(parameters[-1], dict) and parameters[-1].get("__starstar"):
        return list(parameters[:-1]), {key: value for key, value in parameters[-1].items() if key != "__starstar"}
    return list(parameters), {}
