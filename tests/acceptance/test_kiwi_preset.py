# SPDX-License-Identifier: MIT
"""An image from a preset that is a kiwi description: its own scripts and overlay, exactly the lock's packages, and it boots."""

from __future__ import annotations

import io
import shutil
import tarfile

import pytest
import requests

from ondemand.proofs import ProofKind
from tests import preset_parts
from tests import service_parts as parts

pytestmark = pytest.mark.slow


def test_a_preset_s_own_description_makes_the_image_and_is_published_with_it(service: parts.Running) -> None:
    shutil.copytree(preset_parts.FOLDER, service.site.folder / "config" / "presets", dirs_exist_ok=True)
    record = service.succeeded(service.submit(**parts.wanted(preset="demo-console")))
    assert {proof.kind: proof.held for proof in record.proofs} == dict.fromkeys(ProofKind, True)
    assert record.preset and record.preset.sha256 == preset_parts.description().digest()
    (published,) = (item for item in record.artifacts if item.role == "description")
    with tarfile.open(fileobj=io.BytesIO(requests.get(published.url, timeout=60).content)) as archive:
        assert "description/Demo.kiwi" in archive.getnames()
    assert not [item.name for item in record.artifacts if item.role == "kickstart"]
