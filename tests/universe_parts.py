# SPDX-License-Identifier: MIT
"""A made universe for tests of the lock: packages that are written as repodata and as RPM headers, and judged here.

A relation is a name, `name = version`, `name >= version`, or a rich one, `(a or b)`; every release number is 1.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ondemand import plugins, references, releases

_WORDS = {"": (0, ""), "=": (8, "EQ"), ">=": (12, "GE")}
_TAGS = {
    "provides": (1047, 1112, 1113),
    "requires": (1049, 1048, 1050),
    "recommends": (5046, 5048, 5047),
    "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115),
}
_HEAD = '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm">'


@dataclasses.dataclass(frozen=True)
class Made:
    """A package; `bytes_of` makes its file another one than an equal package's, `build` is its source's, else its own NVR."""

    name: str
    version: str = "1"
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    bytes_of: str = ""
    arch: str = "noarch"
    provides: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    build: str = ""
    epoch: int = 0

    @property
    def nvr(self) -> str:
        """Its name, version and release."""
        return f"{self.name}-{self.version}-1"

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.nvr}.{self.arch}.rpm"

    @property
    def sha256(self) -> str:
        """What its repository says of its bytes."""
        return hashlib.sha256(f"{self.nvr} {self.bytes_of}".encode()).hexdigest()

    def relations(self) -> dict[str, tuple[str, ...]]:
        """All by their kind."""
        own = (f"{self.name} = {f'{self.epoch}:' if self.epoch else ''}{self.version}-1",)
        return {
            "provides": (*own, *self.provides),
            "requires": self.requires,
            "recommends": self.recommends,
            "conflicts": self.conflicts,
            "obsoletes": self.obsoletes,
        }


def _parts(relation: str) -> tuple[str, str, str]:
    """Name, operator and version."""
    words = [relation] if relation.startswith("(") else relation.split()
    return (words[0], words[1], words[2]) if len(words) == 3 else (words[0], "", "")


def repository(packages: Sequence[Made], comps: str = "") -> dict[str, bytes]:
    """The files of a repository by path."""
    primary = _HEAD + "".join(map(_described, packages)) + "</metadata>"
    held = {"primary": primary.encode()} | ({"group": comps.encode()} if comps else {})
    entries = "".join(_record(kind, data) for kind, data in held.items())
    text = f'<repomd xmlns="http://linux.duke.edu/metadata/repo">{entries}</repomd>'
    return {"repodata/repomd.xml": text.encode()} | {f"repodata/{kind}.xml": data for kind, data in held.items()}


def _record(kind: str, data: bytes) -> str:
    return (
        f'<data type="{kind}"><checksum type="sha256">{hashlib.sha256(data).hexdigest()}</checksum>'
        f'<location href="repodata/{kind}.xml"/><size>{len(data)}</size></data>'
    )


def _described(made: Made) -> str:
    lists = "".join(
        f"<rpm:{kind}>{''.join(map(_entry, relations))}</rpm:{kind}>" for kind, relations in made.relations().items() if relations
    )
    return (
        f'<package type="rpm"><name>{made.name}</name><arch>{made.arch}</arch><version epoch="{made.epoch}" ver="{made.version}" rel="1"/>'
        f'<checksum type="sha256" pkgid="YES">{made.sha256}</checksum><location href="{made.file}"/>'
        f"<format><rpm:sourcerpm>{made.build or made.nvr}.src.rpm</rpm:sourcerpm>{lists}</format></package>"
    )


def _entry(relation: str) -> str:
    name, word, version = _parts(relation)
    epoch, _, rest = version.rpartition(":")
    number, _, release = rest.partition("-")
    more = f' flags="{_WORDS[word][1]}" epoch="{epoch or 0}" ver="{number}"' if word else ""
    return f'<rpm:entry name="{name}"{more}{f" rel={chr(34)}{release}{chr(34)}" if release else ""}/>'


def front(made: Made) -> bytes:
    """The front of the package's file."""
    tags = {1000: _texts(made.name), 1001: _texts(made.version), 1002: _texts("1"), 1022: _texts(made.arch)}
    if made.epoch:
        tags[1003] = (4, 1, struct.pack(">I", made.epoch))
    for kind, relations in made.relations().items():
        parts = [_parts(relation) for relation in relations]
        names, flags, versions = _TAGS[kind]
        if parts:
            numbers = b"".join(struct.pack(">I", _WORDS[word][0]) for _, word, _ in parts)
            tags[names] = _texts(*(name for name, _, _ in parts))
            tags[flags] = (4, len(parts), numbers)
            tags[versions] = _texts(*(version for _, _, version in parts))
    digest = hashlib.md5(made.nvr.encode(), usedforsecurity=False).digest()
    head = b"\xed\xab\xee\xdb" + bytes(92) + _section({1000: (4, 1, struct.pack(">I", 1000)), 1004: (7, 16, digest)})
    return head + bytes(-len(head) % 8) + _section(tags)


def _texts(*texts: str) -> tuple[int, int, bytes]:
    return 8, len(texts), b"".join(text.encode() + b"\0" for text in texts)


def _section(tags: Mapping[int, tuple[int, int, bytes]]) -> bytes:
    index, store = b"", b""
    for tag, (kind, count, value) in tags.items():
        store += bytes(-len(store) % 4)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += value
    return b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(tags), len(store)) + index + store


class Source:
    """Names the made builds, each by its NVR and all of a list by an update's alias; packages of one `build` together."""

    kind: ClassVar[str] = "koji"

    def __init__(self, url: str, builds: Mapping[str, Sequence[Made]]) -> None:
        self.builds, self.url = builds, url

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """The builds, with what is for the architecture; warns, as a draft build would."""
        found: dict[str, list[plugins.SourceRpm]] = {}
        for made in self.builds[reference.value]:
            if made.arch in release.package_arches(arch):
                found.setdefault(made.build or made.nvr, []).append(self._rpm(made))
        builds = tuple(plugins.SourceBuild(nvr=nvr, rpms=tuple(rpms)) for nvr, rpms in found.items())
        return plugins.Resolution(reference=reference, builds=builds, warnings=(f"{reference.value} was named.",))

    def _rpm(self, made: Made) -> plugins.SourceRpm:
        return plugins.SourceRpm(
            name=made.name,
            epoch=made.epoch,
            version=made.version,
            release="1",
            arch=made.arch,
            urls=(f"{self.url}/builds/{made.file}",),
            checksums={"sigmd5": hashlib.md5(made.nvr.encode(), usedforsecurity=False).hexdigest()},
        )


def files(repositories: Mapping[str, Sequence[Made]], builds: Sequence[Made]) -> dict[str, bytes]:
    """All that a server of that universe has, by path."""
    found = {f"builds/{made.file}": front(made) for made in builds}
    for name, packages in repositories.items():
        found |= {f"{name}/{path}": data for path, data in repository(packages).items()}
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        data = self.server.files.get(self.path[1:])
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data or b"")

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def served(held: Mapping[str, bytes]) -> Iterator[str]:
    """The address of a server that has these files."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.files = held  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def release(url: str, *repositories: str) -> releases.Release:
    """A release with these repositories."""
    return releases.Release.model_validate(
        {
            "name": "made",
            "title": "Made",
            "version": "1",
            "arches": ["x86_64"],
            "kickstart_syntax": "F40",
            "repositories": [{"id": name, "baseurl": f"{url}/{name}"} for name in repositories],
            "image_types": {"live": {"backend": "kiwi", "preset": "live"}},
        }
    )


def faults(held: Sequence[Made]) -> list[str]:
    """What is wrong with a set of packages: unmet needs, conflicts, a name twice. Told without the solver."""
    found = [f"{made.name} twice" for made in held if [each.name for each in held].count(made.name) > 1]
    found += [f"{made.nvr} lacks {need}" for made, need in _unmet(held)]
    for made in held:
        others = [each for each in held if each is not made]
        against = (*made.conflicts, *made.obsoletes)
        found += [f"{made.nvr} is against {each.nvr}" for each in others if any(_meets(each, text) for text in against)]
    return found


def possible(names: Sequence[str], allowed: Sequence[Made]) -> bool:
    """Whether any set of the allowed packages has all these names and no fault: every choice is tried."""
    by_name = {made.name: made for made in allowed}
    return set(names) <= set(by_name) and _completed([by_name[name] for name in names], allowed)


def _completed(held: list[Made], allowed: Sequence[Made]) -> bool:
    unmet = next(iter(_unmet(held)), None)
    if unmet is None:
        return not faults(held)
    providers = [made for made in allowed if made not in held and _meets(made, unmet[1])]
    return any(_completed([*held, made], allowed) for made in providers)


def _unmet(held: Sequence[Made]) -> list[tuple[Made, str]]:
    return [(made, need) for made in held for need in made.requires if not any(_meets(each, need) for each in held)]


def _meets(made: Made, relation: str) -> bool:
    if relation.startswith("("):
        return any(_meets(made, each) for each in relation.strip("()").split(" or "))
    name, word, version = _parts(relation)
    if made.name != name:
        return False
    number = version.partition("-")[0]
    return not word or made.version == number or (word == ">=" and float(made.version) > float(number))
