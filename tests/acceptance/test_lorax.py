# SPDX-License-Identifier: MIT
"""A boot ISO and a DVD by lorax itself, the whole way: out of the frozen repository, held to the lock, and they boot.

The DVD installs itself by the demo's small installer, which is no Anaconda.

Runs where lorax is on PATH, or ONDEMAND_LORAX names its source tree; no registry of Debian or PyPI has it.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from ondemand.builds import BuildRecord
from ondemand.proofs import Proof, ProofKind
from ondemand.states import Step
from tests import installer_parts
from tests import service_parts as parts
from tests.tools import lorax_source

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
_NEEDED = ("depmod", "implantisomd5", "xorrisofs", "mksquashfs", "grub-mkimage")
_IMPORTS = "import dnf, librepo, mako, selinux"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PATH with lorax on it."""
    before, source = os.environ["PATH"], lorax_source.named()
    if source is None:
        if not shutil.which("lorax"):
            pytest.skip("needs lorax on PATH or its source tree in ONDEMAND_LORAX: no registry of Debian or PyPI has it")
        return before
    missing = [name for name in _NEEDED if not shutil.which(name, path=f"{before}:/usr/sbin")]
    found = subprocess.run(("/usr/bin/python3", "-c", _IMPORTS), capture_output=True, text=True, timeout=60, check=False)
    if missing or found.returncode:
        pytest.skip(f"needs lorax's own tools: {', '.join(missing) or found.stderr.splitlines()[-1]}")
    folder = tmp_path_factory.mktemp("lorax")
    lorax_source.write(source, folder)
    return f"{folder}:{before}"


@pytest.fixture(scope="module")
def service(path: str, distribution: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Running]:
    """A service with one builder, which finds lorax."""
    folder = tmp_path_factory.mktemp("service")
    with parts.running(folder, distribution, nodes=(), builder={"boot_timeout": 900.0}) as running:
        running.add_node("lorax-1", PATH=path)
        yield running


@pytest.fixture(scope="module")
def record(service: parts.Running) -> BuildRecord:
    """The build, made once: two wanted builds, whose packages no template names."""
    added = ["ondemand-greeting", "ondemand-hello"]
    return service.succeeded(service.submit(**parts.wanted(image_type="boot", title="A boot ISO", add_packages=added)))


def proof(record: BuildRecord, kind: ProofKind) -> Proof:
    """The proof of that kind."""
    return next(proof for proof in record.proofs if proof.kind is kind)


def test_all_four_proofs_hold(record: BuildRecord) -> None:
    assert {proof.kind: proof.held for proof in record.proofs} == dict.fromkeys(ProofKind, True)
    built = proof(record, ProofKind.BUILT)
    assert built.facts["backend"] == "lorax" and built.facts["tools"]["lorax"] and "without network" in built.how


def test_the_runtime_holds_the_wanted_builds_and_nothing_from_outside_the_lock(record: BuildRecord) -> None:
    contains = proof(record, ProofKind.CONTAINS)
    assert contains.facts["wanted"] == {item.nevra: item.checksums["header-sha256"] for item in record.wanted}
    assert len(record.wanted) == 4 and not contains.facts["closed"]
    assert (contains.facts["outside"], contains.facts["left_out"]) == ([], [])
    assert "header digest" in contains.how


def test_the_runtime_itself_says_what_has_booted(record: BuildRecord) -> None:
    boots = proof(record, ProofKind.BOOTS)
    assert boots.facts["said_by"] == "ondemand-boot-proof" and boots.facts["packages"]
    assert boots.facts["root"].startswith("overlay")


def test_lorax_s_own_logs_stand_in_the_step_s(service: parts.Running, record: BuildRecord) -> None:
    text = service.client.log(record.id, Step.BUILD)[0]
    assert b"\n== logs/program.log" in text and b"Running... mksquashfs" in text


def test_a_dvd_by_lorax_carries_the_tree_installs_itself_and_the_system_runs(service: parts.Running, tmp_path: pathlib.Path) -> None:
    record = service.succeeded(service.submit(**parts.wanted(image_type="dvd", title="A DVD")))
    assert {proof.kind: proof.held for proof in record.proofs} == dict.fromkeys(ProofKind, True)
    contains = proof(record, ProofKind.CONTAINS)
    assert proof(record, ProofKind.BUILT).facts["backend"] == "lorax_dvd" and contains.facts["part"] == "DVD's tree"
    assert "the installer was made for this image" in contains.how and contains.facts["installer_packages"]
    assert (contains.facts["outside"], contains.facts["left_out"]) == ([], [])
    made = installer_parts.install(record, tmp_path)
    installer_parts.start(made, tmp_path)


def test_nothing_is_left_of_it(service: parts.Running, record: BuildRecord) -> None:
    assert parts.soon(lambda: not parts.left_over(service.nodes[0])), parts.left_over(service.nodes[0])
