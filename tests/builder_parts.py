# SPDX-License-Identifier: MIT
"""Parts for the builder's tests: real RPMs, locks, attempts, a file server. Tests no thing itself."""

from __future__ import annotations

import contextlib
import functools
import http.server
import pathlib
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ondemand import build_requests, builds, locks, releases, settings
from ondemand_consumer import attempts, rpm_headers, stopping

SPEC = """Name: {name}
Version: {version}
Release: 1
Summary: For a test
License: MIT
BuildArch: noarch
AutoReqProv: no
%description
For a test.
%install
mkdir -p %{{buildroot}}/usr/share/{name}
head -c {size} /dev/zero > %{{buildroot}}/usr/share/{name}/data
echo "{content}" >> %{{buildroot}}/usr/share/{name}/data
%files
/usr/share/{name}
"""


def need(*programs: str) -> None:
    """Skips the test where a program is missing."""
    for program in programs:
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            pytest.skip(f"needs {program}")


def make_rpm(
    folder: pathlib.Path, name: str = "ball", version: str = "1", content: str = "x", size: int = 5000
) -> pathlib.Path:
    """A real RPM, made by rpmbuild."""
    need("rpmbuild")
    top = folder / f"top-{name}-{version}"
    top.mkdir(parents=True, exist_ok=True)
    spec = top / f"{name}.spec"
    spec.write_text(SPEC.format(name=name, version=version, content=content, size=size))
    run("rpmbuild", "-bb", "--define", f"_topdir {top}", "--define", "_binary_payload w0.gzdio", "--dbpath", str(top / "rpmdb"), str(spec))
    target = folder / f"{name}-{version}-1.noarch.rpm"
    next(top.glob("RPMS/noarch/*.rpm")).rename(target)
    shutil.rmtree(top)
    return target


def make_key(folder: pathlib.Path, name: str) -> str:
    """A fresh OpenPGP key in the GnuPG home `folder`; returns it armored."""
    need("gpg", "rpmsign")
    folder.mkdir(mode=0o700, exist_ok=True)
    gpg = ("gpg", "--homedir", str(folder), "--batch", "--pinentry-mode", "loopback", "--passphrase", "")
    run(*gpg, "--quick-generate-key", f"{name} <{name}@demo.invalid>", "rsa2048", "sign", "never")
    return run(*gpg, "--armor", "--export", name)


def sign(rpm: pathlib.Path, folder: pathlib.Path, name: str) -> None:
    """Signs an RPM with the key `name` of the GnuPG home `folder`."""
    macros = {"_gpg_name": name, "_gpg_path": folder, "__gpg": shutil.which("gpg")}
    defines = [word for key, value in macros.items() for word in ("--define", f"{key} {value}")]
    run("rpmsign", *defines, "--addsign", str(rpm))
    run("gpgconf", "--homedir", str(folder), "--kill", "all")


def locked(rpm: pathlib.Path, url: str, trust: str = "koji-digest", **changes: Any) -> locks.LockedPackage:
    """The lock's entry for an RPM file named `name-version-release.noarch.rpm`."""
    name, version, rest = rpm.name.rsplit("-", 2)
    values: dict[str, Any] = {
        "name": name,
        "version": version,
        "release": rest.partition(".")[0],
        "arch": "noarch",
        "origin": "main",
        "urls": (f"{url}/{rpm.name}",),
        "size": rpm.stat().st_size,
        "checksums": {"sha256": rpm_headers.sha256(rpm)},
        "trust": trust,
        **changes,
    }
    return locks.LockedPackage(**values)


def make_lock(*packages: locks.LockedPackage, keys: tuple[str, ...] = ()) -> locks.Lock:
    """A lock of these packages."""
    return locks.Lock(
        release="demo",
        arch="x86_64",
        image_type="live",
        snapshot={},
        keys=keys,
        requested=tuple(package.name for package in packages),
        packages=packages,
    )


def make_assignment(lock: locks.Lock, backend: str = "kiwi") -> builds.Assignment:
    """What a master would give for build 7, attempt 1."""
    release = releases.Release(
        name="demo",
        title="Demo",
        version="1",
        arches=("x86_64",),
        kickstart_syntax="F44",
        repositories=(),
        image_types={build_requests.ImageType.LIVE: releases.ImageTypeDefinition(backend="kiwi", preset="demo-live")},
    )
    return builds.Assignment(
        build_id=7,
        attempt=1,
        request=build_requests.BuildRequest(release="demo", name="Demo"),
        release=release,
        lock=lock,
        kickstart="%packages\n%end\n",
        label="Demo-live-7",
        backend=backend,
        lease=60,
        beat=0.2,
    )


def make_attempt(folder: pathlib.Path, lock: locks.Lock | None = None, **changes: Any) -> attempts.Attempt:
    """An attempt with its folders below `folder`; `changes` are settings of the builder, and `hidden`."""
    hidden = changes.pop("hidden", ())
    values = {"work": folder / "node", "cache": folder / "cache", "disk_reserve": 0, **changes}
    attempt = attempts.Attempt(
        assignment=make_assignment(lock or make_lock()),
        settings=settings.Builder(**values),
        folder=folder / "node" / "attempts" / "7-1",
        stop=stopping.Stop(),
        hidden=hidden,
    )
    attempt.make_folders()
    return attempt


def run(*argv: str) -> str:
    """The output of a program that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr or done.stdout}"
    return done.stdout


def soon(call: Callable[[], Any], seconds: float = 20) -> Any:
    """What `call` gives as soon as that is something; fails when it stays nothing."""
    until = time.monotonic() + seconds
    while not (found := call()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder with Range; `server.asked` lists method, path and range; `server.breaks` cuts answers off."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        path = pathlib.Path(self.translate_path(self.path))
        wanted = self.headers.get("Range", "")
        server.asked.append((self.path, wanted))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if server.breaks > 0:
            server.breaks -= 1
            self.wfile.write(data[start : start + 100_000])
            self.close_connection = True
            return
        self.wfile.write(data[start:])

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def serving(handler: Any, **attributes: Any) -> Iterator[Any]:
    """An HTTP server in a thread; `server.url` is its address."""
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    vars(server).update(attributes, url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serving_files(folder: pathlib.Path) -> contextlib.AbstractContextManager[Any]:
    """The folder over HTTP."""
    return serving(functools.partial(Files, directory=str(folder)), asked=[], breaks=0)
