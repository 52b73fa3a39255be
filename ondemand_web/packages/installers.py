# SPDX-License-Identifier: MIT
"""What an installer's own runtime is made of: lorax's `runtime-install.tmpl`, expanded against a universe.

Renders and reads the operator's templates; runs none of their other commands and solves nothing.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import pathlib
import re
import shlex
import types
from collections.abc import Iterable, Iterator

import mako.lookup

from ondemand import errors, releases
from ondemand_web.packages.universe import Universe

TEMPLATE = releases.INSTALLER_TEMPLATE
_COMPARED = re.compile(r"^([^!<>=]+)(==|<=|>=|=|<|>)([^!<>=]+)$")
_GLOB = re.compile(r"[*?\[]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Install:
    """One `installpkg` line: `names` may be globs or `name>=[epoch:]version-release`; `without` are globs.

    A name that nobody has is left out when the line is not `required`.
    """

    names: tuple[str, ...]
    without: tuple[str, ...] = ()
    required: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """The runtime's request set in the solver's words: `packages` must be found, `members` may be missing."""

    packages: tuple[str, ...]
    members: tuple[str, ...]


def expanded(installer: releases.Installer, version: str, arch: str) -> tuple[Install, ...]:
    """The `installpkg` lines of the installer's template; raises errors.ServiceError for one that can't be read."""
    path = pathlib.Path(installer.templates) / TEMPLATE
    try:
        return _expanded(installer, path.stat().st_mtime_ns, version, arch)
    except OSError as error:
        raise _unusable(path, str(error)) from error


@functools.lru_cache(maxsize=32)
def _expanded(installer: releases.Installer, _changed: int, version: str, arch: str) -> tuple[Install, ...]:
    """Kept as long as the file is unchanged, since rendering takes longer than a solve."""
    path = pathlib.Path(installer.templates) / TEMPLATE
    variables = {
        "basearch": arch,
        "arch": types.SimpleNamespace(basearch=arch, buildarch=arch),
        "product": types.SimpleNamespace(
            name=installer.product.lower(), version=version, release=version, variant=installer.variant, isfinal=False
        ),
        "root": "/",
    }
    try:
        lookup = mako.lookup.TemplateLookup(directories=[installer.templates])
        text = lookup.get_template(TEMPLATE).render(**variables)
        return tuple(_installs(text))
    except Exception as error:  # A template is code of the operator's; it may raise anything.
        raise _unusable(path, " ".join(str(error).split())[:300]) from error


def _unusable(path: pathlib.Path, cause: str) -> errors.ServiceError:
    return errors.ServiceError(
        f"The installer template {path.name} of this release can't be used",
        cause=cause,
        remedy="the operator corrects it or `installer.templates` in the release definition",
    )


def _installs(text: str) -> Iterator[Install]:
    # Mako itself joins lines that end in a backslash.
    for line in map(str.strip, text.splitlines()):
        if line and not line.startswith("#"):
            command, *words = (each for word in shlex.split(line) for each in braces(word))
            if command.removeprefix("-") == "installpkg":
                yield _install(words, ignored=command.startswith("-"))


def _install(words: list[str], *, ignored: bool) -> Install:
    required = not ignored
    if words and words[0] in ("--optional", "--required"):
        required = required and words[0] == "--required"
        words = words[1:]
    names, without = [], []
    rest = iter(words)
    for word in rest:
        if word == "--except":
            without.append(next(rest, ""))
        else:
            names.append(word)
    return Install(names=tuple(names), without=tuple(filter(None, without)), required=required)


def braces(word: str) -> Iterator[str]:
    """The words that `a{b,c}d` stands for, as lorax reads them: the first closed pair of braces first."""
    right = word.find("}")
    left = word[: max(0, right)].rfind("{")
    if left < 0 or "," not in word:
        yield word
        return
    for choice in word[left + 1 : right].split(","):
        yield from braces(word[:left] + choice + word[right + 1 :])


def chosen(installer: releases.Installer, installs: Iterable[Install], universe: Universe) -> Chosen:
    """What the lines ask for among the universe's packages, with the release's own branding as lorax takes it."""
    packages: set[str] = set(_branding(universe, installer.variant))
    members: set[str] = set()
    for install in installs:
        target = packages if install.required else members
        for name in install.names:
            target.update(_names(universe, name, install.without))
    return Chosen(packages=tuple(sorted(packages)), members=tuple(sorted(members - packages)))


def _names(universe: Universe, name: str, without: tuple[str, ...]) -> Iterable[str]:
    if compared := _COMPARED.match(name):
        package, operator, version = compared.groups()
        return [f"{package} {operator.replace('==', '=')} {version}"]
    # A glob that nothing matches stays as it is, so that the solver tells of it.
    matching = universe.names(name) if _GLOB.search(name) else [name]
    return [each for each in matching or [name] if not any(fnmatch.fnmatchcase(each, glob) for glob in without)]


def _branding(universe: Universe, variant: str) -> list[str]:
    """The release package and its logos: the variant's, else the first one that is not generic."""
    providers = universe.pool.whatprovides(universe.pool.Dep("system-release"))
    known = sorted({str(item.name) for item in providers if not item.name.startswith("generic")})
    if not known:
        return []
    fitting = [name for name in known if variant and name.endswith(f"-{variant.lower()}")]
    release = (fitting or known)[0]
    logos = "fedora-eln" if release == "fedora-release-eln" else release.partition("-")[0]
    return [release, f"{logos}-logos"]
