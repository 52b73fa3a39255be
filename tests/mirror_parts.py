# SPDX-License-Identifier: MIT
"""Parts for tests of mirrors: a small repository in memory, and a server that can misbehave in every way we know of."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import time
from typing import Any

from tests import builder_parts

REPOMD = "repodata/repomd.xml"


def primary(*names: str) -> bytes:
    """A primary.xml of packages with these names."""
    packages = "".join(
        f'<package type="rpm"><name>{name}</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>'
        f'<checksum type="sha256" pkgid="YES">{hashlib.sha256(name.encode()).hexdigest()}</checksum>'
        f'<format><rpm:sourcerpm xmlns:rpm="http://linux.duke.edu/metadata/rpm">{name}-1-1.src.rpm</rpm:sourcerpm>'
        f'<rpm:provides xmlns:rpm="http://linux.duke.edu/metadata/rpm"><rpm:entry name="{name}" flags="EQ" epoch="0" ver="1" rel="1"/>'
        f'</rpm:provides></format><location href="Packages/{name}-1-1.noarch.rpm"/></package>'
        for name in names
    )
    return f'<metadata xmlns="http://linux.duke.edu/metadata/common" packages="{len(names)}">{packages}</metadata>'.encode()


def repository(*names: str, packer: Any = gzip.compress, suffix: str = ".gz", extra: str = "") -> dict[str, bytes]:
    """The files of a repository by path; `extra` is XML that its repomd.xml has too."""
    data = packer(primary(*names))
    digest = hashlib.sha256(data).hexdigest()
    path = f"repodata/{digest}-primary.xml{suffix}"
    text = (
        f'<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="sha256">{digest}'
        f'</checksum><location href="{path}"/><size>{len(data)}</size></data>{extra}</repomd>'
    )
    return {REPOMD: text.encode(), path: data}


def with_notices(files: dict[str, bytes], text: bytes) -> dict[str, bytes]:
    """The repository with update notices (updateinfo) too."""
    data, path = gzip.compress(text), "repodata/updateinfo.xml.gz"
    part = (
        f'<data type="updateinfo"><checksum type="sha256">{hashlib.sha256(data).hexdigest()}</checksum>'
        f'<location href="{path}"/><size>{len(data)}</size></data></repomd>'
    ).encode()
    return {**files, path: data, REPOMD: files[REPOMD].replace(b"</repomd>", part)}


def metalink(newest: bytes, *urls: str, older: tuple[bytes, ...] = ()) -> bytes:
    """What MirrorManager would answer: digests of repomd.xml, and mirrors with falling preference."""

    def verified(data: bytes) -> str:
        return (
            f'<size>{len(data)}</size><verification><hash type="md5">{"0" * 32}</hash>'
            f'<hash type="sha256">{hashlib.sha256(data).hexdigest()}</hash></verification>'
        )

    before = "".join(f"<mm0:alternate>{verified(data)}</mm0:alternate>" for data in older)
    listed = "".join(
        f'<url protocol="http" type="http" location="DE" preference="{100 - number}">{url}/{REPOMD}</url>'
        for number, url in enumerate(urls)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic"'
        ' xmlns:mm0="http://fedorahosted.org/mirrormanager"><files><file name="repomd.xml"><mm0:timestamp>1</mm0:timestamp>'
        f"{verified(newest)}<mm0:alternates>{before}</mm0:alternates><resources maxconnections=\"1\">"
        f'<url protocol="rsync" type="rsync" preference="100">rsync://mirror/{REPOMD}</url>{listed}'
        "</resources></file></files></metalink>"
    ).encode()


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; `server.fault` is how it misbehaves: a status, `html`, `hang`, `drip`, `loop` or empty.

    `server.only` limits the fault to paths that contain it; `server.asked` lists all paths.
    """

    def do_GET(self) -> None:
        """Answers, or misbehaves."""
        server: Any = self.server
        path = self.path.lstrip("/")
        server.asked.append(path)
        fault = server.fault if server.only in path else ""
        data = b"<html>Welcome to our mirror</html>" if fault == "html" else server.files.get(path)
        if fault.isdigit() or data is None:
            self.send_error(int(fault or 404))
            return
        if fault == "hang":
            time.sleep(server.patience)
        self.send_response(302 if fault == "loop" else 200)
        self.send_header("Location" if fault == "loop" else "Content-Length", self.path if fault == "loop" else str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for number in range(len(data)) if fault == "drip" else ():
                self.wfile.write(data[number : number + 1])
                time.sleep(0.05)
            self.wfile.write(b"" if fault in ("drip", "loop") else data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def serving(files: dict[str, bytes], fault: str = "", only: str = "") -> contextlib.AbstractContextManager[Any]:
    """A mirror of these files in a thread; `.url` is its address."""
    return builder_parts.serving(Mirror, files=dict(files), fault=fault, only=only, asked=[], patience=5.0)
