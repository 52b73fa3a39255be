# SPDX-License-Identifier: MIT
"""Every call of the sources fits the hub's own arguments; what they send is written down by a hub that they ask."""

from __future__ import annotations

import ast
import http.server
import inspect
import pathlib
import threading
from collections.abc import Sequence
from typing import Any

import pytest

import ondemand_plugins.sources
from demo import builds, koji_files, koji_hub
from ondemand import plugins, references, releases
from ondemand_plugins.sources import koji_builds, koji_tags, koji_tasks
from tests import source_parts
from tests.tools import koji_hub_arguments

SOURCES: tuple[plugins.Source, ...] = (koji_builds.KojiBuilds(), koji_tags.KojiTags(), koji_tasks.KojiTasks())
ASKED = (
    builds.NAMES["koji_build"],
    "koji:1010",
    f"tag:{builds.NAMES['side_tag']}",
    "tag:106",
    f"task:{koji_files.SCRATCH_TASK}",
)
Call = tuple[str, tuple[Any, ...], tuple[tuple[str, Any], ...]]


class Recorder(koji_hub.Dispatcher):
    """The demo's hub, and what it was asked: name, arguments by place and by name."""

    calls: list[Call]

    def _call(self, method: str, parameters: Sequence[Any]) -> Any:
        if method not in ("multiCall", "system.multicall"):
            positional, keywords = koji_hub.decode_arguments(parameters)
            self.calls.append((method, tuple(positional), tuple(keywords.items())))
            if method == "countAndFilterResults":
                inner = {key: value for key, value in keywords.items() if key != "filterOpts"}
                self.calls.append((positional[0], tuple(positional[1:]), tuple(inner.items())))
        return super()._call(method, parameters)


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands what is posted to the server's recorder."""

    server: Any

    def do_POST(self) -> None:
        """Answers as the hub does."""
        said = self.server.recorder.answer(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


@pytest.fixture
def calls(distribution: pathlib.Path, release: releases.Release) -> list[Call]:
    """What the sources ask when each is asked all that it can be."""
    recorder = Recorder(koji_hub.Hub(distribution))
    recorder.calls = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.recorder = recorder  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            ask(release.model_copy(update={"koji_hub": f"http://127.0.0.1:{server.server_port}/kojihub"}))
        finally:
            server.shutdown()
            thread.join()
    return recorder.calls


def ask(release: releases.Release) -> None:
    """Resolves a reference of every kind that goes to Koji."""
    sources = {source.kind: source for source in SOURCES}
    for reference in map(references.parse, ASKED):
        assert sources[reference.kind].resolve(reference, release, "x86_64", source_parts.NoCatalog()).builds
    assert koji_tags.KojiTags().latest(["ondemand-hello"], release)
    assert koji_tags.newest("ondemand-hello", str(release.candidate_tag), release, "x86_64")
    assert koji_tags.newest("ondemand-hello", str(release.candidate_tag), release, "x86_64", "2.0")


def written() -> set[str]:
    """The names of the calls that stand in the sources' own files, all of them written as `calls.NAME(…)`."""
    files = pathlib.Path(next(iter(ondemand_plugins.sources.__path__))).glob("*.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    functions = [node.func for node in nodes if isinstance(node, ast.Call)]
    return {f.attr for f in functions if isinstance(f, ast.Attribute) and ast.unparse(f.value) == "calls"}


def test_every_call_of_the_sources_fits_the_hub_s_arguments(calls: list[Call]) -> None:
    known = koji_hub_arguments.known()
    for name, positional, keywords in calls:
        signature: inspect.Signature = koji_hub_arguments.signature(known[name])
        signature.bind(*positional, **dict(keywords))


def test_every_call_that_the_sources_hold_was_made(calls: list[Call]) -> None:
    assert written() and written() <= {name for name, _, _ in calls}


def test_a_tag_s_builds_are_only_asked_for_with_a_limit_or_of_one_package(calls: list[Call]) -> None:
    bounded = [dict(keywords) for name, _, keywords in calls if name == "countAndFilterResults"]
    assert bounded and all(keywords["filterOpts"]["limit"] <= koji_tags.LIMIT for keywords in bounded)
    whole = [keywords for name, _, keywords in calls if name == "listTagged" and "package" not in dict(keywords)]
    assert len(whole) == len(bounded)
