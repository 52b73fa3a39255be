# SPDX-License-Identifier: MIT
"""Kickstarts: read with pykickstart, held to the policy, edited as the request says, written again."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pykickstart import constants, parser, sections, version
from pykickstart import errors as ks_errors

from ondemand import errors, kickstart_syntax, locks
from ondemand.build_requests import BuildRequest

LIMIT = 512_000
"""Characters that a kickstart may have."""
COMMANDS = 1000
"""Commands outside of sections that a kickstart may have; pykickstart takes milliseconds for each."""
GROUPS = 500
"""Lines in %packages that name groups."""
PATTERNS = 200
"""Lines in %packages that are patterns (`kernel-*`): each is compared with the name of every package that there is."""
_SHORT = 20_000
"""Characters up to which a kickstart that was read is kept."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LANGUAGE = re.compile(r"[A-Za-z0-9_.@-]{1,32}")
_INCLUDE = ("%include", "%ksappend")
_ADDRESSED = ("repo", "url")
_ELSEWHERE = ("nfs", "harddrive", "hmc", "liveimg", "ostreesetup", "ostreecontainer", "updates", "driverdisk")
_PREFIX = re.compile(r"^The following problem occurred on line \d+ of the kickstart file: ")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Script:
    """A %post script that runs inside the new root; `interpreter` is a path, `line` where it began."""

    interpreter: str
    text: str
    line: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A command that names where content comes from: `line`, its first word, and the addresses in it, if any."""

    line: int
    command: str
    addresses: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kickstart:
    """What a kickstart says that an image tool can use. `text` is the canonical file, `commands` are its commands' names,
    `rules` are the options of its %packages and what that excludes; `core` is whether it has the group of that name
    without naming it, as an installation does."""

    text: str
    packages: tuple[str, ...]
    excluded: tuple[str, ...]
    groups: tuple[str, ...]
    environment: str | None
    rules: locks.Rules
    core: bool
    language: str
    keyboard: str
    timezone: str
    root_password: str | None
    root_password_crypted: bool
    services_enabled: tuple[str, ...]
    services_disabled: tuple[str, ...]
    scripts: tuple[Script, ...]
    places: tuple[Place, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def own_code(self) -> bool:
        """Whether it brings scripts."""
        return bool(self.scripts)

    def foreign(self, known: Iterable[str]) -> tuple[Place, ...]:
        """The places that are not below one of the URLs in `known`; a `repo` or `url` without address is none."""
        roots = tuple(f"{url.rstrip('/')}/" for url in known)

        def own(address: str) -> bool:
            return f"{address}/".startswith(roots) and "/.." not in address

        return tuple(
            place for place in self.places if place.command not in _ADDRESSED or not all(map(own, place.addresses))
        )


class _PackageSection(sections.PackageSection):  # type: ignore[misc]
    """Adds all lines at once: pykickstart sorts everything anew for each line, a minute for 10,000 of them."""

    def __init__(self, handler: version.KickstartHandler) -> None:
        super().__init__(handler)
        self._began = 0
        self._names: dict[str, str] = {}
        self._groups: list[str] = []
        self._patterns = 0

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        self._began = lineno
        super().handleHeader(lineno, args)

    def handleLine(self, line: str) -> None:
        word = line.partition("#")[0].strip()
        if not word.strip("-@^ "):
            if word:
                raise ks_errors.KickstartParseError(f"«{word}» in its %packages names no package", lineno=self._began)
        elif word.lstrip("-").startswith("@"):
            self._groups.append(word)
        else:
            # The last word on a package counts.
            self._names[word.removeprefix("-")] = word
        self._patterns += any(sign in word for sign in "*?[")
        if self._patterns > PATTERNS:
            raise ks_errors.KickstartParseError(f"it has more than {PATTERNS} patterns", lineno=self._began)
        if len(self._groups) > GROUPS:
            raise ks_errors.KickstartParseError(f"it names more than {GROUPS} groups", lineno=self._began)

    def finalize(self) -> None:
        for word in self._groups:
            self.handler.packages.add([word])
        self.handler.packages.add(list(self._names.values()))
        self._names, self._groups = {}, []


class _Parser(parser.KickstartParser):  # type: ignore[misc]
    """Follows no %include: a file named by a user may lie anywhere. Notes where content would come from."""

    def __init__(self, handler: version.KickstartHandler) -> None:
        super().__init__(handler)
        self.places: list[Place] = []
        self.names: set[str] = set()
        self._commands = 0

    def setupSections(self) -> None:
        super().setupSections()
        self.registerSection(_PackageSection(self.handler))

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        self._commands += 1
        if self._commands > COMMANDS:
            raise ks_errors.KickstartParseError(f"it has more than {COMMANDS} commands", lineno=lineno)
        self.names.add(args[0])
        if args[0] in _ADDRESSED + _ELSEWHERE:
            self.places.append(Place(line=lineno, command=args[0], addresses=_addresses(args)))
        return super().handleCommand(lineno, args)

    def _handleInclude(self, f: str) -> None:
        raise ks_errors.KickstartError(f"%include {f} is not allowed")


def parse(text: str, syntax: str) -> Kickstart:
    """The kickstart in `text`, read in the syntax version `syntax` (`F44`).

    Raises errors.KickstartInvalid with the line, for what can't be read and for what is not allowed: more than LIMIT
    characters, control characters, %include, %ksappend, %pre and its kind, %post --nochroot.
    """
    return _kickstart(*_read(text, syntax))


def edited(text: str, request: BuildRequest, syntax: str) -> Kickstart:
    """The kickstart with the request's package and group additions and removals on top."""
    # A preset is read once for many requests; a user's own long text would only fill the memory.
    read = (_unedited if len(text) <= _SHORT else _unedited.__wrapped__)(text, syntax)
    packages = copy.copy(read.packages)
    for name, value in vars(read.packages).items():
        if isinstance(value, list):
            setattr(packages, name, [*value])
    removed = set(request.remove_packages)
    packages.packageList = [name for name in packages.packageList if name not in removed]
    gone = set(request.remove_groups)
    packages.groupList = [group for group in packages.groupList if group.name not in gone]
    packages.add(
        [*request.add_packages]
        + [f"@{name}" for name in request.add_groups]
        + [f"-{name}" for name in request.remove_packages]
        + [f"-@{name}" for name in request.remove_groups]
    )
    return dataclasses.replace(read.kickstart, text=f"{read.head}{packages}{read.tail}", **_chosen(packages))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Unedited:
    """A kickstart before a request's edits, which concern %packages alone: that, which nobody changes, and the text
    around it."""

    kickstart: Kickstart
    packages: parser.Packages
    head: str
    tail: str


@functools.lru_cache(maxsize=32)
def _unedited(text: str, syntax: str) -> _Unedited:
    handler, reader = _read(text, syntax)
    kickstart = _kickstart(handler, reader)
    tail = "".join(map(str, handler.certificates))
    head = kickstart.text.removesuffix(f"{handler.packages}{tail}")
    return _Unedited(kickstart=kickstart, packages=handler.packages, head=head, tail=tail)


def with_repositories(text: str, syntax: str, repositories: Iterable[Mapping[str, Any]], *, first_is_url: bool = True) -> str:
    """The kickstart with these as its only sources, the first one also as `url`, unless the caller adds another source
    of that kind; keys are those of pykickstart's RepoData."""
    handler, _ = _read(text, syntax)
    given = list(repositories)
    for command in ("url", "cdrom", *_ELSEWHERE):
        if command in handler.commands:
            handler.resetCommand(command)
    handler.repo.repoList = [handler.RepoData(**values) for values in given]
    if given and first_is_url:
        handler.method.method, handler.method.url = "url", given[0]["baseurl"]
    return str(handler)


def handler(text: str, syntax: str) -> version.KickstartHandler:
    """pykickstart's own object for the text, for who edits commands; raises as `parse` does."""
    return _read(text, syntax)[0]


def flattened(path: pathlib.Path) -> str:
    """A preset's text, its %include lines replaced by the files of that name beside it; `path` is the operator's.

    Raises errors.KickstartInvalid for a file that is not in that folder, and FileNotFoundError without the preset.
    """
    return _flattened(path.read_text("utf-8"), path, (path.name,))


def _flattened(text: str, path: pathlib.Path, above: tuple[str, ...]) -> str:
    lines = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        words = line.split()
        if words[:1] != ["%include"]:
            lines.append(line)
            continue
        name = words[1] if len(words) == 2 else ""
        other = path.parent / name
        if name != other.name or name in above or not other.is_file() or other.is_symlink():
            raise _invalid(
                f"line {number} of preset file {path.name} includes «{name}»",
                "only further files of the preset folder can be included, and none within itself",
            )
        lines.append(_flattened(other.read_text("utf-8"), other, (*above, name)))
    whole = "".join(lines)
    if len(whole) > LIMIT:
        raise _invalid(f"preset file {path.name} has over {LIMIT} characters with all it includes", "that is too much")
    return whole if whole.endswith("\n") else f"{whole}\n"


def _read(text: str, syntax: str) -> tuple[version.KickstartHandler, _Parser]:
    if len(text) > LIMIT:
        raise _invalid(f"it has {len(text)} characters", f"at most {LIMIT} are read")
    if found := _CONTROL.search(text):
        place = text.count("\n", 0, found.start()) + 1
        raise _invalid(f"line {place} holds the control character U+{ord(found[0]):04X}", "a kickstart is plain text")
    for number, line in enumerate(text.splitlines(), start=1):
        if (first := line.split(maxsplit=1)[:1]) and first[0] in _INCLUDE:
            raise _invalid(f"line {number} has {first[0]}", "other files can't be read from a request")
    handler = _handler(syntax)
    reader = _Parser(handler)
    try:
        reader.readKickstartFromString(text)
    except ks_errors.KickstartError as error:
        where = f"line {error.lineno}" if getattr(error, "lineno", 0) else "it"
        cause = _PREFIX.sub("", " ".join(str(error).split()))
        raise _invalid(f"{where} can't be read", cause) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _invalid("it can't be read", str(error).lower()) from error
    return handler, reader


def _addresses(args: list[str]) -> tuple[str, ...]:
    """Every value with a slash: an option's name may be shortened, so that names tell nothing."""
    values = (word.partition("=")[2] if word.startswith("-") else word for word in args[1:])
    return tuple(value for value in values if "/" in value)


def _handler(syntax: str) -> version.KickstartHandler:
    try:
        return kickstart_syntax.handler(syntax)
    except ks_errors.KickstartVersionError as error:
        raise errors.KickstartInvalid(
            f"The kickstart syntax «{syntax}» of the release is not known",
            cause="the installed pykickstart is older, or the release definition has a slip",
            remedy="correct `kickstart_syntax` in the release definition",
        ) from error


def _kickstart(handler: version.KickstartHandler, reader: _Parser) -> Kickstart:
    for script in handler.scripts:
        if script.type != constants.KS_SCRIPT_POST:
            raise _invalid(f"line {script.lineno} has a script that is no %post", "only %post runs here")
        if not script.inChroot:
            raise _invalid(f"line {script.lineno} has %post --nochroot", "it would run on the builder")

    def said(command: str, field: str) -> Any:
        return getattr(getattr(handler, command), field) if command in reader.names else None

    return Kickstart(
        text=str(handler),
        **_chosen(handler.packages),
        language=said("lang", "lang") or "en_US.UTF-8",
        keyboard=said("keyboard", "vc_keymap") or said("keyboard", "keyboard") or "us",
        timezone=said("timezone", "timezone") or "UTC",
        root_password=said("rootpw", "password") or None,
        root_password_crypted=bool(said("rootpw", "isCrypted")),
        services_enabled=tuple(said("services", "enabled") or ()),
        services_disabled=tuple(said("services", "disabled") or ()),
        scripts=tuple(Script(interpreter=s.interp, text=s.script, line=s.lineno) for s in handler.scripts),
        places=tuple(reader.places),
        commands=tuple(sorted(reader.names)),
    )


def _chosen(packages: parser.Packages) -> dict[str, Any]:
    """What %packages says, as fields of Kickstart."""
    excluded = tuple(sorted(set(packages.excludedList)))
    return {
        "packages": tuple(sorted(set(packages.packageList))),
        "excluded": excluded,
        "rules": locks.Rules(
            weak_dependencies=not packages.excludeWeakdeps,
            multilib=locks.Multilib.ALL if packages.multiLib else locks.Multilib.BEST,
            excluded=excluded,
            languages=_languages(packages.instLangs),
            documentation=not packages.excludeDocs,
        ),
        "groups": tuple(sorted({group.name for group in packages.groupList})),
        "environment": packages.environment or None,
        "core": not packages.nocore and "core" not in {group.name for group in packages.excludedGroupList},
    }


def _languages(said: str | None) -> tuple[str, ...] | None:
    """The languages of `--inst-langs`, which the tool writes into a macro of RPM: nothing else may get there."""
    if said is None:
        return None
    found = tuple(sorted(set(said.split(":")) - {""}))
    if wrong := [name for name in found if not _LANGUAGE.fullmatch(name)]:
        raise _invalid(f"`--inst-langs` names «{wrong[0]}»", "languages look like de or pt_BR, with colons between them")
    return found


def _invalid(what: str, cause: str) -> errors.KickstartInvalid:
    return errors.KickstartInvalid(
        f"The kickstart can't be used: {what}", cause=cause, remedy="correct that line and send the request again"
    )
