# SPDX-License-Identifier: MIT
"""The demo release with one line changed: livecd-creator makes the image that kiwi made, and it boots.

Runs where livecd-creator is on PATH or ONDEMAND_LIVECD_TOOLS names a source tree of livecd-tools; ONDEMAND_LIVECD_LINE may be
another line, with options.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterator

import pytest

from ondemand.proofs import ProofKind
from ondemand.states import State, Step
from tests import builder_parts, conftest
from tests import service_parts as parts
from tests.tools import livecd_launcher

pytestmark = pytest.mark.slow
KIWI = 'live = { backend = "kiwi", preset = "demo-live" }\n'
LIVECD = 'live = { backend = "livecd", preset = "demo-livecd" }\n'


def programs() -> str:
    """The folder with livecd-creator that comes onto PATH; empty where it is there already."""
    source = os.environ.get("ONDEMAND_LIVECD_TOOLS")
    if not source:
        if not shutil.which("livecd-creator"):
            pytest.skip("needs livecd-creator on PATH or ONDEMAND_LIVECD_TOOLS: no registry of Debian or PyPI has it")
        return ""
    if missing := livecd_launcher.missing():
        pytest.skip(f"needs {missing} for the source tree of livecd-tools")
    return str(livecd_launcher.make(pathlib.Path(source), conftest.ROOT / "build" / "livecd-tools"))


@pytest.fixture(scope="module")
def service(distribution: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Running]:
    """A service whose demo release names livecd, with one node that has livecd-creator."""
    path = f"{programs()}:{os.environ['PATH']}"
    with parts.running(tmp_path_factory.mktemp("livecd"), distribution, nodes=()) as running:
        release = running.site.folder / "config" / "releases" / "demo.toml"
        text = release.read_text()
        assert KIWI in text
        release.write_text(text.replace(KIWI, os.environ.get("ONDEMAND_LIVECD_LINE", LIVECD)))
        for process in (running.web, running.dispatcher):
            process.stop()
            process.start()
        running.wait_for_web()
        # Longer than usual for a machine that does other things besides.
        running.add_node("node-1", PATH=path, ONDEMAND_BUILDER__BOOT_TIMEOUT="1200")
        yield running


def read(iso: pathlib.Path, path: str, folder: pathlib.Path) -> str:
    """A file of the ISO."""
    target = folder / "extracted"
    builder_parts.run("xorriso", "-osirrox", "on", "-indev", str(iso), "-extract", path, str(target))
    return target.read_text()


def test_the_demo_release_by_livecd_creator_holds_the_lock_and_boots(service: parts.Running, tmp_path: pathlib.Path) -> None:
    title = 'The "$HOME" \\ of `id`'
    record = service.succeeded(service.submit(**parts.wanted(title=title, volume_label="Demo_of.32-characters_and-no-mor")))
    assert {proof.kind: proof.held for proof in record.proofs} == dict.fromkeys(ProofKind, True)
    (built,) = (proof for proof in record.proofs if proof.kind is ProofKind.BUILT)
    assert built.facts["backend"] == "livecd" and built.facts["tools"]["livecd-creator"]
    (iso,) = (service.folder / "master" / "artifacts").rglob("*.iso")
    menu = read(iso, "/isolinux/isolinux.cfg", tmp_path)
    assert f"menu label ^Start {title}\n" in menu and "root=live:CDLABEL=Demo_of.32-characters_and-no-mor " in menu
    assert parts.soon(lambda: not parts.left_over(service.nodes[0])), parts.left_over(service.nodes[0])


def test_a_build_canceled_in_its_root_leaves_no_mount_and_no_loop_device(service: parts.Running) -> None:
    build_id = service.submit(**parts.wanted())
    service.at(build_id, Step.BUILD, b"Mounting /dev/loop")
    service.client.cancel(build_id)
    assert service.ended(build_id).state is State.CANCELED
    assert parts.soon(lambda: not parts.left_over(service.nodes[0])), parts.left_over(service.nodes[0])
