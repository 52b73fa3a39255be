# SPDX-License-Identifier: MIT
"""The made distribution is complete, and its servers answer the real clients."""

from __future__ import annotations

import collections.abc
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing

import createrepo_c
import koji
import pytest
import requests

from demo import distribution as demo_distribution
from demo import servers

Names = dict[str, typing.Any]

_OPTIONS = {"timeout": 30, "anon_retry": True, "max_retries": 2, "retry_interval": 1}


@pytest.fixture(scope="module")
def url(distribution: pathlib.Path) -> collections.abc.Iterator[str]:
    running = servers.DemoServers(distribution)
    yield running.start()
    running.stop()


@pytest.fixture
def session(url: str) -> collections.abc.Iterator[typing.Any]:
    client = koji.ClientSession(f"{url}/kojihub", opts=_OPTIONS)
    yield client
    client.rsession.close()


@pytest.fixture(scope="module")
def names(distribution: pathlib.Path) -> Names:
    found: dict[str, typing.Any] = json.loads((distribution / "distribution.json").read_text())
    return found


def _file_url(url: str, build: dict[str, typing.Any], rpm: dict[str, typing.Any], key: str = "") -> str:
    paths = koji.PathInfo(topdir=url)
    return f"{paths.build(build)}/{paths.signed(rpm, key) if key else paths.rpm(rpm)}"


def test_making_it_again_takes_the_finished_folder(distribution: pathlib.Path) -> None:
    started = time.monotonic()
    assert demo_distribution.make(distribution.parent) == distribution
    assert time.monotonic() - started < 1


def test_the_packages_of_a_fresh_build_are_listed_with_their_source(session: typing.Any, names: Names) -> None:
    build = session.getBuild(names["koji_build"])
    rpms = session.listBuildRPMs(build["id"])
    assert build["state"] == koji.BUILD_STATES["COMPLETE"]
    assert {rpm["arch"] for rpm in rpms} == {"src", "x86_64", "noarch"}
    assert {row["sigkey"] for rpm in rpms for row in session.queryRPMSigs(rpm_id=rpm["id"])} == {""}


def test_a_multicall_answers_every_call(session: typing.Any, names: Names) -> None:
    with session.multicall(strict=False) as calls:
        good = calls.getBuild(names["old_build"])
        bad = calls.getBuild("nothing-1-1", strict=True)
    assert good.result["version"] == "0.9"
    with pytest.raises(koji.GenericError, match="No such build"):
        _ = bad.result


def test_an_argument_the_hub_does_not_know_is_refused(session: typing.Any, names: Names) -> None:
    with pytest.raises(koji.ParameterError, match="unexpected keyword argument"):
        session.getBuild(names["koji_build"], quickly=True)


def test_the_file_at_kojis_path_is_the_one_the_hub_describes(session: typing.Any, url: str, names: Names) -> None:
    build = session.getBuild(names["signed_koji_build"])
    rpm = next(rpm for rpm in session.listBuildRPMs(build["id"]) if rpm["arch"] == "x86_64")
    for key, sums in session.getRPMChecksums(rpm["id"], checksum_types=["sha256"]).items():
        content = requests.get(_file_url(url, build, rpm, key), timeout=30).content
        assert hashlib.sha256(content).hexdigest() == sums["sha256"]


def test_signatures_belong_to_the_keys_that_are_handed_out(
    session: typing.Any, distribution: pathlib.Path, names: Names, tmp_path: pathlib.Path
) -> None:
    database = ["--define", f"_dbpath {tmp_path}"]
    subprocess.run(["rpmkeys", *database, "--import", distribution / "keys" / "demo.asc"], check=True, timeout=60)

    def verdict(nvr: str, key: str) -> int:
        build = session.getBuild(nvr)
        rpm = next(rpm for rpm in session.listBuildRPMs(build["id"]) if rpm["arch"] == "x86_64")
        path = _file_url(str(distribution), build, rpm, key)
        command = ["rpmkeys", *database, "--define", "_pkgverify_level all", "-K", path]
        return subprocess.run(command, check=False, timeout=60, capture_output=True).returncode

    assert verdict(names["signed_koji_build"], names["key_id"]) == 0
    assert verdict(names["stranger_build"], "") != 0


def test_a_side_tag_lists_its_own_builds_only(session: typing.Any, names: Names) -> None:
    own = session.listTagged(names["side_tag"], latest=True, inherit=False)
    assert {build["name"] for build in own} == {"ondemand-libs", "ondemand-greeting"}
    assert "demo-updates" in {link["name"] for link in session.getFullInheritance(names["side_tag"])}


def test_the_files_of_a_scratch_build_are_found_through_its_tasks(session: typing.Any, url: str, names: Names) -> None:
    task = session.getTaskInfo(names["scratch_task"])
    assert koji.TASK_STATES[task["state"]] == "CLOSED"
    child = session.getTaskDescendents(names["scratch_task"])[str(names["scratch_task"])][0]
    files = session.listTaskOutput(child["id"], all_volumes=True)
    name = next(name for name in files if name.endswith("x86_64.rpm"))
    answer = requests.get(f"{koji.PathInfo(topdir=url).task(child['id'])}/{name}", timeout=30)
    assert answer.content.startswith(b"\xed\xab\xee\xdb")


def test_an_update_names_its_builds(url: str, names: Names) -> None:
    update = requests.get(f"{url}/updates/{names['update']}", timeout=30).json()["update"]
    assert update["status"] == "testing"
    assert {build["nvr"] for build in update["builds"]} == {
        "ondemand-greeting-1.1-1.demo1",
        "ondemand-libs-1.1-1.demo1",
    }
    assert requests.get(f"{url}/updates/DEMO-2026-nothing", timeout=30).status_code == 404


def test_a_download_is_resumed_on_one_connection(url: str) -> None:
    with requests.Session() as client:
        whole = client.get(f"{url}/repositories/main/repodata/repomd.xml", timeout=30)
        rest = client.get(whole.url, timeout=30, headers={"Range": "bytes=100-"})
    assert rest.status_code == 206
    assert rest.content == whole.content[100:]


def test_files_outside_what_is_served_are_not_found(url: str) -> None:
    for path in ("data/koji.json", "distribution.json", "packages/%2e%2e/data/koji.json", "keys"):
        assert requests.get(f"{url}/{path}", timeout=30).status_code == 404


def test_updates_testing_carries_its_update_notices(distribution: pathlib.Path, names: Names) -> None:
    found = next((distribution / "repositories/updates-testing/repodata").glob("*-updateinfo.xml*"))
    notices = {notice.id: notice for notice in createrepo_c.UpdateInfo(str(found)).updates}
    packages = notices[names["update"]].collections[0].packages
    assert {package.name for package in packages} == {"ondemand-greeting", "ondemand-libs"}


def test_the_servers_run_as_a_process_until_told_to_end(distribution: pathlib.Path, tmp_path: pathlib.Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "demo.servers", str(distribution), "--ready-file", str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=pathlib.Path(__file__).parents[2])
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        url = json.loads(ready.read_text())["url"]
        assert requests.get(f"{url}/keys/demo.asc", timeout=30).text.startswith("-----BEGIN PGP PUBLIC KEY")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait(15)
