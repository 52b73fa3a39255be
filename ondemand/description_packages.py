# SPDX-License-Identifier: MIT
"""What a kiwi description asks for under a profile, as kiwi itself would read it. Pure; follows no address."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, ParseError

import defusedxml
from defusedxml import ElementTree

from ondemand import descriptions

INSTALLED = ("bootstrap", "image", "iso")
"""Types of <packages> that come into a live image."""
_REMOVED = ("delete", "uninstall")
_INCLUDES = 500
_ELEMENTS = 100_000
_HERE = "this://"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """What is asked for. `groups` may be comps groups or environments; `recommends` whether weak dependencies come, too."""

    packages: tuple[str, ...]
    excluded: tuple[str, ...]
    groups: tuple[str, ...]
    recommends: bool
    language: str
    keyboard: str
    timezone: str

    def kickstart(self) -> str:
        """The same in a kickstart's words, so that a request's edits and the check know one language only."""
        head = [("lang", self.language), ("keyboard", self.keyboard), ("timezone", self.timezone)]
        lines = [f"{command} {value}" for command, value in head if value]
        weak = "" if self.recommends else " --exclude-weakdeps"
        lines += [f"%packages --nocore{weak}", *(f"@{name}" for name in self.groups), *self.packages]
        return "\n".join([*lines, *(f"-{name}" for name in self.excluded), "%end", ""])


class Tree:
    """A description as one tree, its includes replaced by what they hold."""

    def __init__(self, description: descriptions.Description, arch: str) -> None:
        """Raises errors.InvalidRequest for what can't be read, and for an include from elsewhere than its own files."""
        self._description, self._arch = description, arch
        self._name = description.main
        self._included = self._elements = 0
        self.root = self._read(description.main, ())
        if self.root.tag != "image":
            raise descriptions.invalid(self._name, f"it begins with <{self.root.tag}>, not <image>")
        self.profiles = self._profiles(description.profile)

    def mine(self, element: Element) -> bool:
        """Whether the element counts for the profiles and the architecture."""
        arches, profiles = _list(element, "arch"), _list(element, "profiles")
        return (not arches or self._arch in arches) and (not profiles or bool({*profiles} & {*self.profiles}))

    def sections(self, *types: str) -> Iterator[Element]:
        """The <packages> of these types that count."""
        return (each for each in self.root.iter("packages") if each.get("type") in types and self.mine(each))

    def images(self) -> list[Element]:
        """The <type image="iso"> that count; raises errors.InvalidRequest where there is none."""
        preferences = filter(self.mine, self.root.iter("preferences"))
        found = [kind for each in preferences for kind in each.iter("type") if kind.get("image") == "iso"]
        if not found:
            told = ", ".join(self.profiles) or "no profile"
            raise descriptions.invalid(self._name, f"with {told} it makes no image of type iso for {self._arch}")
        return found

    def selection(self) -> Selection:
        """What it asks for; raises errors.InvalidRequest for what a lock can't hold."""
        self.images()
        if removed := next(self.sections(*_REMOVED), None):
            kind = removed.get("type")
            raise descriptions.invalid(
                self._name, f'its <packages type="{kind}"> takes packages away again, so that the image is not the lock'
            )
        packages = set(self._names("package", INSTALLED))
        # kiwi leaves these out of the first phase alone, where a later one may still install them.
        first = {*self._names("ignore", ("bootstrap",))} - packages
        patterns = [each.get("patternType") for each in self.sections("image", "iso")] or [
            each.get("patternType") for each in self.sections("bootstrap")
        ]
        return Selection(
            packages=tuple(sorted(packages)),
            excluded=tuple(sorted({*self._names("ignore", ("image", "iso")), *first})),
            groups=tuple(sorted({*self._names("namedCollection", INSTALLED)})),
            recommends=next(filter(None, patterns), "onlyRequired") == "plusRecommended",
            language=self._said("locale").partition(",")[0],
            keyboard=self._said("keytable"),
            timezone=self._said("timezone"),
        )

    def _names(self, tag: str, types: Iterable[str]) -> Iterator[str]:
        for section in self.sections(*types):
            for item in filter(self.mine, section.iter(tag)):
                name = (item.get("name") or "").strip()
                if not name or name[0] in "-@%#" or len(name.split()) > 1:
                    raise descriptions.invalid(self._name, f"a <{tag}> of it has the name «{name[:60]}», which is none")
                yield name

    def _said(self, tag: str) -> str:
        preferences = filter(self.mine, self.root.iter("preferences"))
        texts = [(each.findtext(tag) or "").strip() for each in preferences]
        return next((text for text in texts if text and len(text.split()) == 1), "")

    def _profiles(self, chosen: str | None) -> tuple[str, ...]:
        """The profiles that count: the chosen one with all it requires, else those marked to be imported."""
        known = {each.get("name", ""): each for each in self.root.iterfind("profiles/profile") if self.mine(each)}
        if chosen is None:
            return tuple(name for name, each in known.items() if each.get("import") == "true")
        found: list[str] = []
        waiting = [chosen]
        while waiting:
            name = waiting.pop()
            if name not in known:
                offered = ", ".join(sorted(known)[:40]) or "none"
                raise descriptions.invalid(self._name, f"it has no profile «{name}» for {self._arch}, only: {offered}")
            if name not in found:
                found.append(name)
                waiting += [each.get("profile", "") for each in known[name].iter("requires") if self.mine(each)]
        return tuple(found)

    def _read(self, path: str, above: tuple[str, ...]) -> Element:
        try:
            root: Element = ElementTree.fromstring(self._description.content(path), forbid_dtd=True)
        except (ParseError, defusedxml.DefusedXmlException, ValueError, LookupError) as error:
            raise descriptions.invalid(self._name, f"{path} is no plain XML ({' '.join(str(error).split())[:200]})") from error
        self._elements += sum(1 for _ in root.iter())
        if self._elements > _ELEMENTS:
            raise descriptions.invalid(self._name, f"it has over {_ELEMENTS} elements with all it includes")
        for place in range(len(root) - 1, -1, -1):
            if root[place].tag == "include":
                other = self._included_path(root[place].get("from", ""), path, above)
                root[place : place + 1] = list(self._read(other, (*above, path)))
        return root

    def _included_path(self, address: str, path: str, above: tuple[str, ...]) -> str:
        self._included += 1
        other = posixpath.normpath(address.removeprefix(_HERE))
        if not address.startswith(_HERE) or other not in self._description.files or other in (*above, path):
            raise descriptions.invalid(self._name, f"{path} includes «{address[:200]}», which is no further file of it")
        if self._included > _INCLUDES:
            raise descriptions.invalid(self._name, f"it includes more than {_INCLUDES} times")
        return other


def _list(element: Element, name: str) -> list[str]:
    return [word.strip() for word in element.get(name, "").split(",") if word.strip()]
