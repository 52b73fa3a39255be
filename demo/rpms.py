# SPDX-License-Identifier: MIT
"""Builds RPM files from specs and reads their headers with the host's rpm tools.

Every call names its own database folder, so that the host's RPM database is never opened.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shutil

from demo import processes

_FIELDS = (
    *("NAME", "EPOCH", "VERSION", "RELEASE", "ARCH", "SIZE"),
    *("SIGMD5", "SHA256HEADER", "BUILDTIME", "SOURCERPM", "SUMMARY"),
)
_QUERY = "|".join(f"%{{{field}}}" for field in _FIELDS) + "\\n"

_MACROS = {
    "_binary_payload": "w3.zstdio",
    "_source_payload": "w3.zstdio",
    "_build_id_links": "none",
    "__os_install_post": "%{nil}",
    "__check_files": "%{nil}",
    "debug_package": "%{nil}",
    "_smp_build_ncpus": "1",
    "_buildhost": "builder.demo.invalid",
    "vendor": "Ondemand demo distribution",
    "dist": ".demo1",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rpm:
    """One RPM file and what its header says. `payload_hash` is Koji's: the MD5 of header and payload."""

    path: pathlib.Path
    name: str
    epoch: int | None
    version: str
    release: str
    arch: str
    size: int
    payload_hash: str
    header_digest: str
    build_time: int
    source: str
    summary: str

    @property
    def nvr(self) -> str:
        """Name, version and release joined."""
        return f"{self.name}-{self.version}-{self.release}"


def build(spec_text: str, name: str, work: pathlib.Path, *, source: bool = False) -> list[pathlib.Path]:
    """Run rpmbuild on a spec in `work/<name>` and return the RPM files, with the source RPM if asked."""
    top = work / name
    shutil.rmtree(top, ignore_errors=True)
    for folder in ("SPECS", "SOURCES", "BUILD", "BUILDROOT", "RPMS", "SRPMS", "db"):
        (top / folder).mkdir(parents=True)
    spec = top / "SPECS" / f"{name}.spec"
    spec.write_text(spec_text)
    defines = {**_MACROS, "_topdir": str(top), "_dbpath": str(top / "db"), "_tmppath": str(top)}
    words = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
    processes.run(["rpmbuild", "-ba" if source else "-bb", *words, spec], timeout=600, cwd=top)
    return sorted(top.glob("RPMS/*/*.rpm")) + sorted(top.glob("SRPMS/*.rpm"))


def read(paths: list[pathlib.Path], database: pathlib.Path) -> list[Rpm]:
    """Return what the headers of `paths` say, in the same order."""
    if not paths:
        return []
    query = ["rpm", "--define", f"_dbpath {database}", "--nosignature", "-qp", "--queryformat", _QUERY]
    lines = processes.run([*query, *paths], timeout=120).splitlines()
    return [_parse(path, line) for path, line in zip(paths, lines, strict=True)]


def _parse(path: pathlib.Path, line: str) -> Rpm:
    name, epoch, version, release, arch, size, md5, digest, built, source, summary = line.split("|", 10)
    return Rpm(
        path=path,
        name=name,
        epoch=None if epoch == "(none)" else int(epoch),
        version=version,
        release=release,
        arch="src" if source == "(none)" else arch,
        size=int(size),
        payload_hash=md5,
        header_digest=digest,
        build_time=int(built),
        source=source,
        summary=summary,
    )
