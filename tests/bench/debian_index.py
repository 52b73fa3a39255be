# SPDX-License-Identifier: MIT
"""Turns Debian's package index into the primary metadata of an RPM repository: large, real in its shape, for
measurements alone. Nothing of it can be installed on any system. Pure: text in, text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.sax import saxutils

Stanza = dict[str, str]
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
    ' packages="{count}">\n'
)
_FLAGS = {"<<": "LT", "<": "LE", "<=": "LE", "=": "EQ", ">=": "GE", ">": "GE", ">>": "GT"}
_SIGNS = {"LT": "<", "LE": "<=", "EQ": "=", "GE": ">=", "GT": ">"}
_ARCHES = {"amd64": "x86_64", "all": "noarch"}
_RELATION = re.compile(r"([A-Za-z0-9.+-]+)(?::[a-z0-9]+)?\s*(?:\((<<|<=|>=|>>|[<=>])\s*([^)\s]+)\))?")


def stanzas(lines: Iterable[str]) -> Iterator[Stanza]:
    """Each package of the index, as its fields; of a field of several lines only the first is kept."""
    found: Stanza = {}
    for line in lines:
        if not line.strip():
            if found:
                yield found
            found = {}
        elif not line[0].isspace():
            name, _, value = line.partition(":")
            found[name] = value.strip()
    if found:
        yield found


def enough(index: Iterable[Stanza], count: int) -> list[Stanza]:
    """`count` packages: those of the index, then earlier versions of the first ones, as a repository has them."""
    found = list(index)
    older = [{**stanza, "Version": f"{stanza['Version']}~earlier"} for stanza in found[: max(0, count - len(found))]]
    return (found + older)[:count]


def primary(packages: list[Stanza]) -> Iterator[str]:
    """The text of primary.xml, in pieces."""
    yield _HEAD.format(count=len(packages))
    yield from map(_package, packages)
    yield "</metadata>\n"


def version(text: str) -> tuple[str, str, str]:
    """Epoch, version and release as RPM has them; Debian's version may hold a hyphen."""
    epoch, _, rest = text.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return epoch or "0", upstream.replace("-", "."), revision


def relations(text: str) -> list[str]:
    """The `rpm:entry` elements for one field; alternatives become a rich dependency."""
    entries = []
    for clause in filter(None, map(str.strip, text.split(","))):
        choices = [found for part in clause.split("|") if (found := _RELATION.match(part.strip()))]
        if len(choices) == 1:
            entries.append(_entry(choices[0][1], choices[0][2], choices[0][3]))
        elif choices:
            entries.append(_entry(f"({' or '.join(map(_word, choices))})"))
    return entries


def _word(found: re.Match[str]) -> str:
    if not found[2]:
        return found[1]
    epoch, upstream, revision = version(found[3])
    return f"{found[1]} {_SIGNS[_FLAGS[found[2]]]} {epoch}:{upstream}" + (f"-{revision}" if revision else "")


def _entry(name: str, operator: str | None = None, at: str | None = None) -> str:
    text = f"<rpm:entry name={saxutils.quoteattr(name)}"
    if operator and at:
        epoch, upstream, revision = version(at)
        text += f' flags="{_FLAGS[operator]}" epoch="{epoch}" ver={saxutils.quoteattr(upstream)}'
        text += f" rel={saxutils.quoteattr(revision)}" if revision else ""
    return text + "/>"


def _package(stanza: Stanza) -> str:
    name, text = stanza["Package"], saxutils.escape
    epoch, upstream, revision = version(stanza["Version"])
    revision = revision or "0"
    arch = _ARCHES.get(stanza.get("Architecture", "all"), "noarch")
    source = stanza.get("Source", name).split()[0]
    own = f'<rpm:entry name={saxutils.quoteattr(name)} flags="EQ" epoch="{epoch}" ver="{upstream}" rel="{revision}"/>'
    parts = {
        "provides": [own, *relations(stanza.get("Provides", ""))],
        "requires": relations(f"{stanza.get('Pre-Depends', '')},{stanza.get('Depends', '')}"),
        "conflicts": relations(f"{stanza.get('Breaks', '')},{stanza.get('Conflicts', '')}"),
    }
    lists = "".join(f"<rpm:{kind}>{''.join(items)}</rpm:{kind}>" for kind, items in parts.items() if items)
    installed = int(stanza.get("Installed-Size", "0")) * 1024
    return (
        f'<package type="rpm"><name>{name}</name><arch>{arch}</arch>'
        f'<version epoch="{epoch}" ver="{upstream}" rel="{revision}"/>'
        f'<checksum type="sha256" pkgid="YES">{stanza.get("SHA256", "0" * 64)}</checksum>'
        f"<summary>{text(stanza.get('Description', ''))}</summary><description/><packager/>"
        f"<url>{text(stanza.get('Homepage', ''))}</url>"
        f'<time file="1" build="1"/><size package="{stanza.get("Size", "1")}" installed="{installed}" archive="1"/>'
        f'<location href="Packages/{name}-{upstream}-{revision}.{arch}.rpm"/>'
        f"<format><rpm:license>none</rpm:license><rpm:sourcerpm>{source}-{upstream}-{revision}.src.rpm</rpm:sourcerpm>"
        f"{lists}</format></package>\n"
    )
