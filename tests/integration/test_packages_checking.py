# SPDX-License-Identifier: MIT
"""The check against real RPMs, real repodata and a real HTTP server; sources are told what they answer."""

from __future__ import annotations

import dataclasses
import functools
import http.server
import ipaddress
import os
import pathlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ondemand import addresses, build_requests, errors, locks, plugins, references, releases
from ondemand_web.packages import checking, headers, keys

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
HERE = addresses.Guard(hosts=("127.0.0.1", "localhost"), networks=LOOPBACK)
TOOLS = ("rpmbuild", "createrepo_c", "rpmsign", "gpg")
COMPS = """<comps><group><id>core</id><name>Core</name><packagelist>
<packagereq type="mandatory">base</packagereq><packagereq type="optional">extra</packagereq>
<packagereq type="default">ghost</packagereq></packagelist></group>
<environment><id>all-environment</id><name>All</name><grouplist><groupid>core</groupid></grouplist></environment></comps>"""
SPEC = """Name: {name}
Version: {version}
Release: 1
Summary: s
License: MIT
BuildArch: noarch
{lines}
%description
d
%install
mkdir -p %{{buildroot}}/opt/{name}
echo {version} > %{{buildroot}}/opt/{name}/version
%files
/opt/{name}
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """What the tests work with."""

    url: str
    root: pathlib.Path
    release: releases.Release
    key: str
    stranger: str


class Source:
    """Answers with the RPMs below `builds/` that belong to the NVR."""

    kind: ClassVar[str] = "koji"

    def __init__(self, place: Place, *, signed_by: tuple[str, ...] = ()) -> None:
        self.place, self.signed_by = place, signed_by

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """One RPM per build."""
        path = self.place.root / "builds" / f"{reference.value}.noarch.rpm"
        if not path.exists():
            raise errors.UnknownReference(f"There is no build {reference.value}")
        header = headers.parse(path.read_bytes())
        rpm = plugins.SourceRpm(
            name=header.name,
            epoch=header.epoch,
            version=header.version,
            release=header.release,
            arch=header.arch,
            urls=(f"{self.place.url}/pruned/{path.name}", f"{self.place.url}/builds/{path.name}"),
            checksums={"sigmd5": header.sigmd5},
            signed_by=self.signed_by,
        )
        build = plugins.SourceBuild(nvr=reference.value, rpms=(rpm,))
        return plugins.Resolution(reference=reference, builds=(build,))


def _rpm(folder: pathlib.Path, work: pathlib.Path, name: str, version: str, *lines: str) -> pathlib.Path:
    spec = work / f"{name}-{version}.spec"
    spec.write_text(SPEC.format(name=name, version=version, lines="\n".join(lines)))
    defines = ["--define", f"_topdir {work}/top", "--define", f"_rpmdir {folder}", "--define", f"_dbpath {work}/db"]
    defines += ["--define", "_rpmfilename %{name}-%{version}-%{release}.%{arch}.rpm"]
    subprocess.run(["rpmbuild", "-bb", "--quiet", *defines, spec], check=True, capture_output=True, timeout=60)
    return folder / f"{name}-{version}-1.noarch.rpm"


def _key(home: pathlib.Path, name: str) -> str:
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", name, "rsa2048", "sign"], check=True, capture_output=True, timeout=60)
    done = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def _sign(home: pathlib.Path, name: str, *paths: pathlib.Path) -> None:
    macros = ["--define", f"_gpg_name {name}", "--define", f"_gpg_path {home}", "--define", "__gpg /usr/bin/gpg"]
    words = ["rpmsign", "--addsign", *macros, *map(str, paths)]
    environment = {**os.environ, "GNUPGHOME": str(home)}
    subprocess.run(words, check=True, capture_output=True, timeout=60, env=environment)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, timeout=30)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A repository, builds that are in none, two keys, and a server for them."""
    for tool in TOOLS:
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    root, work = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("w")
    main, builds = root / "main", root / "builds"
    main.mkdir()
    builds.mkdir()
    _rpm(main, work, "base", "1")
    _rpm(main, work, "lib", "1")
    _rpm(main, work, "tool", "1", "Requires: lib >= 1")
    _rpm(main, work, "filer", "1", "Requires: /opt/lib/version")
    _rpm(main, work, "strict", "1", "Requires: lib = 1")
    _rpm(builds, work, "tool", "2", "Requires: lib >= 2", "Requires: (base or ghost)")
    _rpm(builds, work, "lib", "2")
    _rpm(builds, work, "lib", "0.5")
    _rpm(builds, work, "broken", "1", "Requires: nowhere")
    _rpm(builds, work, "hostile", "1", "Conflicts: base")
    signed, foreign = _rpm(builds, work, "tool", "3"), _rpm(builds, work, "tool", "4")
    key, stranger = _key(work / "a", "alice"), _key(work / "b", "mallory")
    _sign(work / "a", "alice", signed)
    _sign(work / "b", "mallory", foreign)
    (work / "comps.xml").write_text(COMPS)
    index = ["createrepo_c", "--quiet", "--general-compress-type=xz", "--groupfile", str(work / "comps.xml"), str(main)]
    subprocess.run(index, check=True, capture_output=True, timeout=60)
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Place(url=url, root=root, release=_release(url, key), key=key, stranger=stranger)
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; all of /moved is main on `localhost`, and so are the filelists of /half."""

    def do_GET(self) -> None:
        """Serves or redirects."""
        _, top, rest = self.path.split("/", 2)
        if top != "moved" and not (top == "half" and "filelists" in rest):
            super().do_GET()
            return
        server: Any = self.server
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{server.server_port}/main/{rest}")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _release(url: str, key: str) -> releases.Release:
    return releases.Release.model_validate(
        {
            "name": "small",
            "title": "Small",
            "version": "1",
            "arches": ["x86_64"],
            "kickstart_syntax": "F40",
            "keys": [key],
            "repositories": [{"id": "main", "baseurl": f"{url}/main"}],
            "image_types": {"live": {"backend": "kiwi", "preset": "live"}},
        }
    )


def _check(
    place: Place, tmp_path: pathlib.Path, *builds: str, kickstart: str = "tool", source: Source | None = None
) -> locks.Lock:
    request = build_requests.BuildRequest(release="small", builds=builds)
    text = f"%packages\n@core\n{kickstart}\n%end\n"
    sources = {"koji": source or Source(place)}
    return checking.check(request, place.release, text, sources, tmp_path)[0]


def _names(lock: locks.Lock) -> dict[str, str]:
    return {f"{p.name}-{p.version}": p.origin for p in lock.packages}


def test_stable_packages_come_from_the_repository(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path)
    assert _names(lock) == {"base-1": "main", "lib-1": "main", "tool-1": "main"}
    package = lock.packages[0]
    assert package.urls == (f"{place.url}/main/base-1-1.noarch.rpm",) and len(package.checksums["sha256"]) == 64
    assert package.trust == f"signed:{keys.of_public_key(place.key)[0]}" and package.size > 0
    assert "ghost" in lock.warnings[0]


def test_wanted_builds_come_from_the_side_repository_at_exactly_their_version(
    place: Place, tmp_path: pathlib.Path
) -> None:
    lock = _check(place, tmp_path, "tool-2-1", "lib-2-1")
    assert _names(lock) == {"base-1": "main", "lib-2": locks.SIDE_REPOSITORY, "tool-2": locks.SIDE_REPOSITORY}
    lib = next(package for package in lock.packages if package.name == "lib")
    path = place.root / "builds" / "lib-2-1.noarch.rpm"
    assert lib.urls == (f"{place.url}/builds/{path.name}",) and lib.size == path.stat().st_size
    assert lib.trust == "koji-digest" and lib.wanted and lib.build == "lib-2-1" and lib.reference == "lib-2-1"
    tags = "%{SHA256HEADER} %{SIGMD5}"
    query = ["rpm", "-qp", "--nosignature", "--dbpath", str(tmp_path / "db"), "--qf", tags, str(path)]
    said = subprocess.run(query, check=True, capture_output=True, text=True, timeout=60).stdout.split()
    assert [lib.checksums["header-sha256"], lib.checksums["sigmd5"]] == said


def test_a_second_check_gives_the_same_lock_from_what_is_kept(place: Place, tmp_path: pathlib.Path) -> None:
    first = _check(place, tmp_path, "tool-2-1", "lib-2-1")
    before = time.monotonic()
    assert _check(place, tmp_path, "lib-2-1", "tool-2-1").packages == first.packages
    assert time.monotonic() - before < 5
    assert list(tmp_path.glob("main/*/*.solv")) and list(tmp_path.glob("headers/*.header"))


def test_a_build_that_the_repository_has_comes_from_there(place: Place, tmp_path: pathlib.Path) -> None:
    shutil.copy(place.root / "main" / "tool-1-1.noarch.rpm", place.root / "builds")
    lock = _check(place, tmp_path, "tool-1-1")
    assert next(p for p in lock.packages if p.name == "tool").origin == "main" and len(lock.wanted) == 1


def test_an_older_build_is_honoured_and_said(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "lib-0.5-1", kickstart="lib")
    assert "lib-0.5" in _names(lock)
    assert any("lib goes down to 0.5-1" in warning for warning in lock.warnings)


def test_a_missing_dependency_names_build_and_need(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match=r"wanted build broken-1-1\) needs nowhere, which no package provides"):
        _check(place, tmp_path, "broken-1-1", kickstart="broken")


def test_a_ruled_out_provider_is_named(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable) as caught:
        _check(place, tmp_path, "lib-2-1", kickstart="strict")
    assert "strict-1-1.noarch (of main) needs lib = 1" in caught.value.sentence
    assert "lib-1-1.noarch" in caught.value.sentence and "lib-2-1" in caught.value.sentence


def test_a_conflict_names_both(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match=r"hostile-1-1.noarch .* conflicts with base-1-1.noarch"):
        _check(place, tmp_path, "hostile-1-1", kickstart="hostile")


def test_an_unneeded_build_is_never_a_silent_success(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match=r"nothing depends on it; add lib to add_packages"):
        _check(place, tmp_path, "lib-2-1", kickstart="base")


def test_all_reasons_come_at_once(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.RequestError) as caught:
        _check(place, tmp_path, "none-1-1", "tool-4-1", kickstart="tol\n@cor")
    text = "\n".join(caught.value.details)
    for part in ("There is no build none-1-1", "tool-4-1.noarch.rpm is refused", "«tol»", "tool", "«cor»", "core"):
        assert part in text


def test_a_release_key_s_signature_is_the_trust(place: Place, tmp_path: pathlib.Path) -> None:
    lock = _check(place, tmp_path, "tool-3-1")
    assert lock.wanted[0].trust == f"signed:{keys.of_public_key(place.key)[0]}"


def test_a_stranger_s_signature_is_refused(place: Place, tmp_path: pathlib.Path) -> None:
    stranger = keys.of_public_key(place.stranger)[0]
    with pytest.raises(errors.WrongSignature, match=f"signed by key {stranger}"):
        _check(place, tmp_path, "tool-4-1")
    with pytest.raises(errors.WrongSignature, match=r"signed by key 0badc0de"):
        _check(place, tmp_path, "tool-2-1", "lib-2-1", source=Source(place, signed_by=("0badc0de",)))


def test_unsigned_builds_are_refused_where_the_policy_says_so(place: Place, tmp_path: pathlib.Path) -> None:
    strict = place.release.model_copy(update={"trust": releases.TrustPolicy.REQUIRE_SIGNED})
    with pytest.raises(errors.WrongSignature, match="takes signed packages only"):
        _check(dataclasses.replace(place, release=strict), tmp_path, "tool-2-1", "lib-2-1")


def test_file_dependencies_are_found_in_the_filelists(place: Place, tmp_path: pathlib.Path) -> None:
    assert "lib-1" in _names(_check(place, tmp_path, kickstart="filer"))


def test_an_excluded_package_is_not_installed(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unsolvable, match=r"tool-1-1.noarch .*needs lib >= 1"):
        _check(place, tmp_path, kickstart="tool\n-lib")


def test_an_environment_brings_its_groups(place: Place, tmp_path: pathlib.Path) -> None:
    assert set(_names(_check(place, tmp_path, kickstart="@^all-environment"))) == {"base-1"}


@pytest.mark.parametrize(("says", "held"), [("", {"base-1", "lib-1"}), (" --nocore", {"lib-1"}), ("\n-@core", {"lib-1"})])
def test_the_core_group_comes_by_itself_as_in_an_installation(place: Place, tmp_path: pathlib.Path, says: str, held: set[str]) -> None:
    request = build_requests.BuildRequest(release="small")
    lock, _ = checking.check(request, place.release, f"%packages{says}\nlib\n%end\n", {}, tmp_path)
    assert set(_names(lock)) == held


def test_a_repository_that_is_away_is_no_refusal(place: Place, tmp_path: pathlib.Path) -> None:
    for url in ("http://127.0.0.1:9/x", f"{place.url}/nothing"):
        away = dataclasses.replace(place, release=_release(url, place.key))
        with pytest.raises(errors.SourceUnavailable):
            _check(away, tmp_path)


def test_a_swapped_metadata_file_is_not_taken(place: Place, tmp_path: pathlib.Path) -> None:
    shutil.copytree(place.root / "main", place.root / "swapped")
    primary = next((place.root / "swapped" / "repodata").glob("*-primary.xml.xz"))
    primary.write_bytes(b"x" * primary.stat().st_size)
    swapped = dataclasses.replace(place, release=_release(f"{place.url}/swapped", place.key))
    release = swapped.release.model_copy(
        update={"repositories": (releases.Repository(id="swapped", baseurl=(f"{place.url}/swapped",)),)}
    )
    with pytest.raises(errors.SourceUnavailable, match=r"not the file that repomd.xml names"):
        _check(dataclasses.replace(swapped, release=release), tmp_path)
    assert not list(tmp_path.glob("swapped/*"))


def test_an_extra_repository_brings_its_packages_and_key(place: Place, tmp_path: pathlib.Path) -> None:
    subprocess.run(["createrepo_c", "--quiet", str(place.root / "builds")], check=True, capture_output=True, timeout=60)
    extra = build_requests.ExtraRepository(name="mine", url=f"{place.url}/builds", key=place.stranger)
    request = build_requests.BuildRequest(release="small", repositories=(extra,))
    lock, _ = checking.check(request, place.release, "%packages --nocore\ntool\n%end\n", {}, tmp_path, HERE)
    assert _names(lock) == {"tool-4": "extra-mine"} and place.stranger in lock.keys
    wrong = extra.model_copy(update={"url": f"{place.url}/none"})
    request = build_requests.BuildRequest(release="small", repositories=(wrong,))
    with pytest.raises(errors.UnknownReference, match=r"There is no repository at"):
        checking.check(request, place.release, "%packages --nocore\ntool\n%end\n", {}, tmp_path, HERE)


def _with_own(place: Place, tmp_path: pathlib.Path, url: str, guard: addresses.Guard, text: str = "base") -> locks.Lock:
    """The lock with the request's own repository at `url`."""
    extra = build_requests.ExtraRepository(name="mine", url=url)
    request = build_requests.BuildRequest(release="small", repositories=(extra,))
    return checking.check(request, place.release, f"%packages --nocore\n{text}\n%end\n", {}, tmp_path, guard)[0]


def test_an_own_repository_may_be_nowhere_by_default(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.NotPermitted, match=r"«127.0.0.1» .*the operator does not allow that host"):
        _with_own(place, tmp_path, f"{place.url}/main", addresses.Guard())


def test_an_own_repository_at_a_private_address_is_refused_and_not_waited_for(
    place: Place, tmp_path: pathlib.Path
) -> None:
    guard = dataclasses.replace(HERE, networks=())
    for host in HERE.hosts:
        url = f"{place.url}/main".replace("127.0.0.1", host)
        with pytest.raises(errors.NotPermitted, match=r"its address .* is not a public one; name a repository"):
            _with_own(place, tmp_path, url, guard)
    assert not list(tmp_path.glob("extra-mine/*"))


def test_an_own_repository_that_redirects_is_held_to_the_allowed_hosts(place: Place, tmp_path: pathlib.Path) -> None:
    guard = dataclasses.replace(HERE, hosts=("127.0.0.1",))
    with pytest.raises(errors.NotPermitted, match="«localhost»"):
        _with_own(place, tmp_path, f"{place.url}/moved", guard)
    assert _with_own(place, tmp_path, f"{place.url}/moved", HERE).snapshot.keys() == {"main", "extra-mine"}


def test_the_filelists_of_an_own_repository_are_guarded_too(place: Place, tmp_path: pathlib.Path) -> None:
    guard = dataclasses.replace(HERE, hosts=("127.0.0.1",))
    shutil.copytree(place.root / "main", place.root / "half")
    assert _with_own(place, tmp_path, f"{place.url}/half", guard).packages
    with pytest.raises(errors.NotPermitted, match="«localhost»"):
        _with_own(place, tmp_path, f"{place.url}/half", guard, "filer")
    assert len(_with_own(place, tmp_path, f"{place.url}/half", HERE, "filer").packages) == 2
