# SPDX-License-Identifier: MIT
"""Trigger rules (`config/triggers/*.toml`): which facts order which images; docs/triggers.md describes each field."""

from __future__ import annotations

import pathlib
import tomllib
from typing import Annotated

import pydantic

from ondemand import errors
from ondemand.build_requests import ImageType, Line, Mail, PackageName, Profile, Word
from ondemand.facts import Happening, Text
from ondemand.reference_sets import SetName
from ondemand.releases import Releases

Glob = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._+*?\[\]!-]{1,200}$")]
MOST = 100
"""Rules that there may be."""


class Rule(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One rule, in a file of its own. A wrong field keeps the service from starting."""

    name: Word
    """How pages, commands and decisions call it."""
    enabled: bool = True
    """Whether it orders anything; what waits under one that is switched off is canceled."""
    releases: tuple[Word, ...] = pydantic.Field(min_length=1, max_length=50)
    """Names of release definitions: messages about these, images of these."""
    image_types: tuple[ImageType, ...] = pydantic.Field(default=(ImageType.LIVE,), min_length=1, max_length=3)
    """Which images to order."""
    arches: tuple[Word, ...] = pydantic.Field(default=("x86_64",), min_length=1, max_length=8)
    """For which architectures."""
    happenings: tuple[Happening, ...] = pydantic.Field(default=(Happening.OFFERED,), min_length=1)
    """What must have happened: `offered`, `signed` or `composed` (an image of the release as it is then)."""
    topics: tuple[Text, ...] = pydantic.Field(default=(), max_length=50)
    """How the message's topic must end, one of these; none: any."""
    contents: tuple[Word, ...] = ("rpm",)
    """Kinds of content that it takes."""
    skip_users: tuple[Line, ...] = pydantic.Field(default=(), max_length=500)
    """Whose messages it leaves alone."""
    critical_path: tuple[Word, ...] = pydantic.Field(default=(), max_length=50)
    """Critical path groups of which the update must be in one; where the message does not know them, it is."""
    packages: tuple[Glob, ...] = pydantic.Field(default=(), max_length=2000)
    """Names of source packages, with `*` and `?`."""
    sets: tuple[SetName, ...] = pydantic.Field(default=(), max_length=20)
    """Sets that name the update, one of its builds or one of its packages, at the set's newest version."""
    only_if_in_image: bool = True
    """Only builds that are in that image by themselves; of others none is ordered, and the decision says so."""
    lull: float = pydantic.Field(default=300.0, ge=0, le=86_400)
    """Seconds to wait for further edits, from when the service got the message."""
    require_signed: bool = False
    """Wait until a message said of each build that it is signed."""
    supersede: bool = True
    """What is newer takes the place of what waits: other builds of the same update, or builds of all its packages."""
    join: bool = True
    """A wish for the same content is joined to the build that there is, unless its message asks for it again."""
    hourly_cap: int = pydantic.Field(default=10, ge=1, le=1000)
    """Builds that it orders in an hour at most, for each release; the rest waits."""
    owner: Word = "trigger"
    """Who owns the builds; what he may bring is as for a person of that name."""
    preset: Word | None = None
    """Another preset than the release's own."""
    add_packages: tuple[PackageName, ...] = pydantic.Field(default=(), max_length=500)
    """Packages to install beside it."""
    profile: Profile = Profile.TEST
    """The request's `profile`."""
    keep_for: int = pydantic.Field(default=14, ge=1, le=3650)
    """Days that the image is kept."""
    notify: tuple[Mail, ...] = pydantic.Field(default=(), max_length=10)
    """Addresses that learn of the end of each build."""

    @pydantic.field_validator("happenings")
    @classmethod
    def _that_order(cls, value: tuple[Happening, ...]) -> tuple[Happening, ...]:
        if Happening.WITHDRAWN in value:
            raise ValueError("what is withdrawn orders nothing: it cancels what waits, whatever the rules say")
        return value

    @property
    def chooses(self) -> str:
        """What it takes of all builds, as a phrase; empty: each."""
        parts = (
            ("critical path groups", self.critical_path),
            ("packages", self.packages),
            ("sets", self.sets),
        )
        return "; ".join(f"{name} {', '.join(values)[:200]}" for name, values in parts if values)


class Rules:
    """All rules of a folder, by name."""

    def __init__(self, folder: pathlib.Path, releases: Releases) -> None:
        """Reads every `*.toml` in `folder`, which need not exist; raises errors.CannotStart for a wrong one."""
        self._rules: dict[str, Rule] = {}
        for path in sorted(folder.glob("*.toml")):
            rule = load(path)
            if rule.name in self._rules:
                raise _wrong(path, f"name: another file has the rule «{rule.name}»")
            for name in rule.releases:
                if not releases.defined(name):
                    raise _wrong(path, f"releases: there is no release definition «{name}»")
            self._rules[rule.name] = rule
        if len(self._rules) > MOST:
            raise errors.CannotStart(f"{folder} holds more than {MOST} trigger rules", remedy="join some of them")

    def all(self) -> list[Rule]:
        """Every rule, also those that are switched off."""
        return list(self._rules.values())

    def active(self) -> list[Rule]:
        """Every rule that orders."""
        return [rule for rule in self._rules.values() if rule.enabled]

    def find(self, name: str | None) -> Rule | None:
        """The rule of that name that orders, None where there is none now."""
        rule = self._rules.get(name or "")
        return rule if rule is not None and rule.enabled else None

    def get(self, name: str) -> Rule:
        """The rule of that name; raises errors.UnknownWish."""
        try:
            return self._rules[name]
        except KeyError:
            raise errors.UnknownWish(
                f"There is no trigger rule «{name}»", remedy=f"name one of: {', '.join(self._rules) or 'none is defined'}"
            ) from None


def load(path: pathlib.Path) -> Rule:
    """The rule in one file; raises errors.CannotStart that names file and field."""
    try:
        return Rule.model_validate(tomllib.loads(path.read_text("utf-8")))
    except pydantic.ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        told = (f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}" for item in wrong)
        raise _wrong(path, "; ".join(told)) from error
    except (OSError, ValueError) as error:
        raise _wrong(path, " ".join(str(error).split())) from error


def _wrong(path: pathlib.Path, why: str) -> errors.CannotStart:
    return errors.CannotStart(
        f"The trigger rule {path.name} can't be used",
        cause=why[:600],
        remedy="correct the file and start the service again; docs/triggers.md describes each field",
    )
