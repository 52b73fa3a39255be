# SPDX-License-Identifier: MIT
"""What the demo's servers answer, without the distribution they usually serve."""

from __future__ import annotations

import json
import pathlib
import typing
import xmlrpc.client

import pytest

from demo import bodhi_server, koji_hub, servers


def _hub(folder: pathlib.Path) -> koji_hub.Dispatcher:
    build = {"id": 7, "name": "hello", "version": "1.0", "release": "1.demo1", "package_name": "hello"}
    tags = [{"id": 1, "name": "demo"}, {"id": 2, "name": "demo-updates"}]
    records = {
        "builds": [{**build, "state": 1, "owner_name": "packager", "draft": False}],
        "tags": tags,
        "parents": {"demo": [], "demo-updates": ["demo"]},
        "tagged": [{"tag": "demo", "build_id": 7, "create_event": 3}],
        "rpms": [],
        "signatures": {},
        "tasks": [{"id": 5, "parent": None, "request": []}, {"id": 6, "parent": 5, "request": []}],
    }
    (folder / "data").mkdir()
    (folder / "data" / "koji.json").write_text(json.dumps(records))
    return koji_hub.Dispatcher(koji_hub.Hub(folder))


def _call(hub: koji_hub.Dispatcher, method: str, *arguments: typing.Any) -> typing.Any:
    request = xmlrpc.client.dumps(arguments, method, allow_none=True).encode()
    return xmlrpc.client.loads(hub.answer(request))[0][0]


def test_a_build_is_found_by_id_and_by_name(tmp_path: pathlib.Path) -> None:
    hub = _hub(tmp_path)
    assert _call(hub, "getBuild", 7) == _call(hub, "getBuild", "hello-1.0-1.demo1")
    assert _call(hub, "getBuild", "hello-2.0-1.demo1") is None


@pytest.mark.parametrize(
    "method, arguments, code",
    [
        ("deleteBuild", (7,), 1000),
        ("_tag", ("demo",), 1000),
        ("getBuild", ("no-build",), 1000),
        ("getBuild", ("a-1-1", {"__starstar": True, "strict": True}), 1000),
        ("getBuild", (7, {"__starstar": True, "sharp": True}), 1019),
        ("getBuild", (), 1019),
        ("getFullInheritance", ("demo", {"__starstar": True, "jumps": {"1": 2}}), 1019),
    ],
)
def test_what_the_hub_refuses_is_refused(
    tmp_path: pathlib.Path, method: str, arguments: tuple[typing.Any, ...], code: int
) -> None:
    with pytest.raises(xmlrpc.client.Fault) as caught:
        _call(_hub(tmp_path), method, *arguments)
    assert caught.value.faultCode == code


def test_a_multicall_carries_results_and_faults_side_by_side(tmp_path: pathlib.Path) -> None:
    calls = [{"methodName": "getBuild", "params": [7]}, {"methodName": "getBuild", "params": ["bad"]}]
    good, bad = _call(_hub(tmp_path), "multiCall", calls)
    assert good[0]["id"] == 7
    assert bad["faultCode"] == 1000


def test_a_tag_lists_what_it_inherits_only_when_asked(tmp_path: pathlib.Path) -> None:
    hub = _hub(tmp_path)
    assert _call(hub, "listTagged", "demo-updates") == []
    found = _call(hub, "listTagged", "demo-updates", {"__starstar": True, "inherit": True, "latest": True})
    assert [build["tag_name"] for build in found] == ["demo"]


def test_descendents_of_a_task_are_listed_by_id_as_text(tmp_path: pathlib.Path) -> None:
    assert _call(_hub(tmp_path), "getTaskDescendents", 5) == {"5": [{"id": 6, "parent": 5}], "6": []}


@pytest.mark.parametrize(
    "header, expected",
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=50-500", (50, 100)),
        ("bytes=100-", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=0-1,4-5", None),
    ],
)
def test_ranges_are_read_as_http_means_them(header: str, expected: tuple[int, int] | None) -> None:
    assert servers.wanted_span(header, 100) == expected


def test_an_unknown_update_gets_bodhis_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bodhi.json").write_text("{}")
    status, document = bodhi_server.Bodhi(tmp_path).answer("DEMO-2026-0000000000")
    assert status == 404
    assert document["errors"][0]["description"] == "Invalid update id"
