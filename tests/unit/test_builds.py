# SPDX-License-Identifier: MIT
"""What a builder's report may hold."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from ondemand import builds, proofs

LONG = {"packages": {f"name-{number}": "0" * 64 for number in range(8000)}, "seconds": 3}


@pytest.mark.parametrize(("how", "facts"), [("x" * 2001, {}), ("seen", LONG)])
def test_a_proof_that_is_too_long_is_refused_and_can_be_made_to_fit(how: str, facts: dict[str, Any]) -> None:
    proof = proofs.Proof(kind=proofs.ProofKind.BOOTS, held=True, how=how, facts=facts)
    with pytest.raises(pydantic.ValidationError, match="too long: boots"):
        builds.FinishReport(proofs=(proof,))
    kept = builds.FinishReport(proofs=(proof.fitting(),)).proofs[0]
    assert kept.facts.get("seconds") == facts.get("seconds") and kept.held


def test_a_proof_that_fits_stays_as_it_is() -> None:
    proof = proofs.Proof(kind=proofs.ProofKind.BUILT, held=True, how="Seen.", facts={"size": 3})
    assert proof.fitting() == proof


def test_a_report_names_a_limited_number_of_files() -> None:
    one = proofs.Artifact(name="x", role="log", size=1, sha256="0" * 64)
    with pytest.raises(pydantic.ValidationError, match="at most 64 items"):
        builds.FinishReport(artifacts=(one,) * 65)
