# SPDX-License-Identifier: MIT
"""Kickstarts: read with pykickstart, held to the policy, edited as the request says, written again."""

from __future__ import annotations

import dataclasses
import re

from pykickstart import constants, parser, version
from pykickstart import errors as ks_errors

from ondemand import errors
from ondemand.build_requests import BuildRequest

_PREFIX = re.compile(r"^The following problem occurred on line \d+ of the kickstart file: ")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Script:
    """A %post script that runs inside the new root; `interpreter` is a path, `line` where it began."""

    interpreter: str
    text: str
    line: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kickstart:
    """What a kickstart says that an image tool can use. `text` is the canonical file."""

    text: str
    packages: tuple[str, ...]
    excluded: tuple[str, ...]
    groups: tuple[str, ...]
    environment: str | None
    language: str
    keyboard: str
    timezone: str
    root_password: str | None
    root_password_crypted: bool
    services_enabled: tuple[str, ...]
    services_disabled: tuple[str, ...]
    scripts: tuple[Script, ...]

    @property
    def own_code(self) -> bool:
        """Whether it brings code of its own."""
        return bool(self.scripts)


class _Parser(parser.KickstartParser):  # type: ignore[misc]
    """Follows no %include: a file named by a user may lie anywhere."""

    def _handleInclude(self, f: str) -> None:
        raise ks_errors.KickstartError(f"%include {f} is not allowed")


def parse(text: str, syntax: str) -> Kickstart:
    """The kickstart in `text`, read in the syntax version `syntax` (`F44`).

    Raises errors.KickstartInvalid with the line, for what can't be read and for what is not allowed: %include,
    %ksappend, %pre and its kind, %post --nochroot.
    """
    handler = _handler(syntax)
    for number, line in enumerate(text.splitlines(), start=1):
        if line.split(maxsplit=1)[:1] in (["%include"], ["%ksappend"]):
            raise _invalid(f"line {number} has {line.split()[0]}", "other files can't be read from a request")
    try:
        _Parser(handler).readKickstartFromString(text)
    except ks_errors.KickstartError as error:
        where = f"line {error.lineno}" if getattr(error, "lineno", 0) else "it"
        cause = _PREFIX.sub("", " ".join(str(error).split()))
        raise _invalid(f"{where} can't be read", cause) from error
    except (ValueError, RecursionError) as error:
        raise _invalid("it can't be read", str(error).lower()) from error
    return _kickstart(handler)


def edited(text: str, request: BuildRequest, syntax: str) -> Kickstart:
    """The kickstart with the request's package and group additions and removals on top."""
    handler = _handler(syntax)
    parse(text, syntax)
    _Parser(handler).readKickstartFromString(text)
    packages = handler.packages
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
    return _kickstart(handler)


def with_repository(text: str, syntax: str, name: str, url: str) -> str:
    """The kickstart with `url` as its only repository: `build.ks`."""
    handler = _handler(syntax)
    _Parser(handler).readKickstartFromString(text)
    handler.repo.repoList = [handler.RepoData(name=name, baseurl=url)]
    return str(handler)


def _handler(syntax: str) -> version.KickstartHandler:
    try:
        return version.makeVersion(syntax)
    except ks_errors.KickstartVersionError as error:
        raise errors.KickstartInvalid(
            f"The kickstart syntax «{syntax}» of the release is not known",
            cause="the installed pykickstart is older, or the release definition has a slip",
            remedy="correct `kickstart_syntax` in the release definition",
        ) from error


def _kickstart(handler: version.KickstartHandler) -> Kickstart:
    for script in handler.scripts:
        if script.type != constants.KS_SCRIPT_POST:
            raise _invalid(f"line {script.lineno} has a script that is no %post", "only %post runs here")
        if not script.inChroot:
            raise _invalid(f"line {script.lineno} has %post --nochroot", "it would run on the builder")
    packages = handler.packages
    return Kickstart(
        text=str(handler),
        packages=tuple(sorted(set(packages.packageList))),
        excluded=tuple(sorted(set(packages.excludedList))),
        groups=tuple(sorted({group.name for group in packages.groupList})),
        environment=packages.environment or None,
        language=handler.lang.lang or "en_US.UTF-8",
        keyboard=handler.keyboard.vc_keymap or handler.keyboard.keyboard or "us",
        timezone=handler.timezone.timezone or "UTC",
        root_password=handler.rootpw.password or None,
        root_password_crypted=bool(handler.rootpw.isCrypted),
        services_enabled=tuple(handler.services.enabled or ()),
        services_disabled=tuple(handler.services.disabled or ()),
        scripts=tuple(Script(interpreter=s.interp, text=s.script, line=s.lineno) for s in handler.scripts),
    )


def _invalid(what: str, cause: str) -> errors.KickstartInvalid:
    return errors.KickstartInvalid(
        f"The kickstart can't be used: {what}", cause=cause, remedy="correct that line and send the request again"
    )
