# SPDX-License-Identifier: MIT
"""A builder that makes no images: the real worker with its claims, beats, steps, uploads and report, but instead of an
image a few bytes that name their attempt. Its logs and proofs say so. Runs as a process: `python -m tests.simulated_builder`.
"""

from __future__ import annotations

import json
import logging
import os
import sys

from ondemand import proofs, settings, states
from ondemand_consumer import pipeline, publishing, worker

SECONDS = "SIMULATED_SECONDS"
"""The variable that says how long a build lasts."""
HOW = "simulated: no image was made"
BEFORE = (states.Step.FETCH, states.Step.REPO, states.Step.BUILD, states.Step.VERIFY, states.Step.BOOT)
PROVEN = (proofs.ProofKind.BUILT, proofs.ProofKind.CONTAINS, proofs.ProofKind.BOOTS)


def image(build_id: int, attempt: int) -> bytes:
    """What stands for the image of an attempt."""
    return f"simulated image of build {build_id}, attempt {attempt}\n".encode()


class SimulatedWay(pipeline.Way):
    """Goes through all steps and waits in them."""

    def go(self) -> None:
        """As the real one; raises the first error."""
        attempt = self.attempt
        attempt.make_folders()
        for step in BEFORE:
            with self._step(step):
                attempt.say(step, HOW)
                attempt.stop.sleep(float(os.environ.get(SECONDS, "2")) / len(BEFORE))
        self.proven += [proofs.Proof(kind=kind, held=True, how=HOW) for kind in PROVEN]
        with self._step(states.Step.PUBLISH):
            artifacts = self._made()
            self.proven.append(publishing.publish(attempt, self.client, artifacts))
            self.artifacts = artifacts

    def _made(self) -> tuple[proofs.Artifact, ...]:
        folder, assignment = self.attempt.artifacts, self.attempt.assignment
        (folder / "image.iso").write_bytes(image(assignment.build_id, assignment.attempt))
        made = publishing.describe(folder / "image.iso", "image")
        (folder / "CHECKSUM").write_text(publishing.checksum(made))
        (folder / "manifest.json").write_text(json.dumps({"build": assignment.build_id, "attempt": assignment.attempt}))
        others = (("CHECKSUM", "checksum"), ("manifest.json", "manifest"))
        return (made, *(publishing.describe(folder / name, role) for name, role in others))


def main() -> None:
    """Works until it is told to end."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    pipeline.Way = SimulatedWay  # type: ignore[misc]
    worker.Worker(settings.load(), lambda line: print(line, flush=True)).run()


if __name__ == "__main__":
    main()
