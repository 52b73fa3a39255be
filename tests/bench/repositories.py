# SPDX-License-Identifier: MIT
"""The repositories that group packages measures on: a real one where it is at hand, and one of 70,000 packages."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

import requests

from demo import site
from tests import service_parts
from tests.bench import debian_index, figures

COUNT = 70_000
SHARED = pathlib.Path(os.environ.get("ONDEMAND_SHARED_DATA", pathlib.Path(__file__).parents[3] / "shared" / "data"))
_REPOMD = """\
<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>
<data type="primary"><checksum type="sha256">{packed}</checksum><open-checksum type="sha256">{plain}</open-checksum>
<location href="repodata/primary.xml.gz"/><timestamp>1</timestamp><size>{size}</size><open-size>{open}</open-size></data>
</repomd>
"""
_RELEASE = """\
name = "{name}"
title = "For measurements"
version = "9"
arches = ["x86_64"]
kickstart_syntax = "RHEL9"

[[repositories]]
id = "{name}"
baseurl = "{url}"

[image_types.live]
backend = "kiwi"
preset = "bench"
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository at `url`; release and repository have the same name."""

    name: str
    url: str

    def offer(self, config: pathlib.Path) -> None:
        """Defines its release below `config`, with a preset that names no package of its own."""
        for folder in ("releases", "presets"):
            (config / folder).mkdir(parents=True, exist_ok=True)
        (config / "releases" / f"{self.name}.toml").write_text(_RELEASE.format(name=self.name, url=self.url))
        (config / "presets" / "bench.ks").write_text("lang C.UTF-8\n%packages --nocore --exclude-weakdeps\n%end\n")


@contextlib.contextmanager
def served(folder: pathlib.Path) -> Iterator[list[Repository]]:
    """Those that can be had here, the largest first; for each that can't a sentence is printed."""
    top = folder / "repositories"
    top.mkdir(parents=True)
    names = []
    if shutil.which("apt-cache"):
        figures.announce(f"making {COUNT} packages from Debian's index")
        make(top / "debian")
        names.append("debian")
    else:
        print("   no figures at 70,000 packages: they are made from apt-cache, which is not here", flush=True)
    if (SHARED / "appstream").is_dir():
        (top / "appstream").symlink_to(SHARED / "appstream")
        names.append("appstream")
    else:
        print("   no figures on appstream: its metadata is not beside the checkout", flush=True)
    with contextlib.ExitStack() as stack:
        url = _server(top, folder / "repositories.log", stack)
        yield [Repository(name=name, url=f"{url}/{name}") for name in names]


def make(folder: pathlib.Path) -> None:
    """Writes the repodata of COUNT packages."""
    dumped = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, timeout=120, check=True)
    lines = dumped.stdout.decode("utf-8", "replace").splitlines()
    plain = "".join(debian_index.primary(debian_index.enough(debian_index.stanzas(lines), COUNT))).encode()
    packed = gzip.compress(plain, 6, mtime=0)
    data = folder / "repodata"
    data.mkdir(parents=True)
    (data / "primary.xml.gz").write_bytes(packed)
    sums = {"packed": hashlib.sha256(packed).hexdigest(), "plain": hashlib.sha256(plain).hexdigest()}
    (data / "repomd.xml").write_text(_REPOMD.format(**sums, size=len(packed), open=len(plain)))


def _server(top: pathlib.Path, log: pathlib.Path, stack: contextlib.ExitStack) -> str:
    port = str(site.free_port())
    argv = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(top), port)
    service_parts.started(stack, service_parts.Process(argv, log, dict(os.environ)))
    url = f"http://127.0.0.1:{port}"
    assert service_parts.soon(functools.partial(_answers, url)), log.read_text()
    return url


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False
