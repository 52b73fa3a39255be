# SPDX-License-Identifier: MIT
"""The way of one attempt: fetch, repo, build, verify, boot, publish. Ends in a report, whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import pathlib
from collections.abc import Iterator

from ondemand import builds, errors, proofs, states
from ondemand_consumer import (
    attempts,
    boot,
    building,
    capabilities,
    failing,
    faults,
    fetching,
    logs,
    master,
    media,
    publishing,
    repository,
    verification,
)

_log = logging.getLogger(__name__)
_SCREEN = "screen.png"
_SCREEN_PATIENCE = 60.0


def run(attempt: attempts.Attempt, client: master.AttemptClient) -> builds.FinishReport:
    """Runs every step and returns what to tell the master; raises errors.LeaseLost alone."""
    way = Way(attempt=attempt, client=client)
    error: errors.OndemandError | None = None
    with logs.Shipper(attempt, client):
        try:
            way.go()
        except errors.LeaseLost:
            raise
        except errors.OndemandError as raised:
            error = raised
        except Exception:
            _log.exception("attempt %s: an error that nobody foresaw", attempt.name)
            error = errors.BuilderError(
                "The builder made a mistake of its own",
                cause="of something that nobody foresaw",
                remedy="look at the builder's log; another attempt may work",
            )
        canceled = isinstance(attempt.stop.reason, errors.BuildCanceled)
        drained = error is not None and attempt.stop.reason is not None
        if error and not drained:
            way.publish_screen()
    return builds.FinishReport(
        proofs=tuple(proof.fitting() for proof in way.proven),
        artifacts=way.artifacts,
        error=None if canceled or not error else error.as_dict(),
        canceled=canceled or drained,
    )


@dataclasses.dataclass(kw_only=True)
class Way:
    """What the steps hand on."""

    attempt: attempts.Attempt
    client: master.AttemptClient
    proven: list[proofs.Proof] = dataclasses.field(default_factory=list)
    artifacts: tuple[proofs.Artifact, ...] = ()

    def go(self) -> None:
        """All steps in order; raises the first error."""
        attempt = self.attempt
        attempt.make_folders()
        lock = attempt.assignment.lock
        backend = capabilities.backend(attempt.assignment.backend)
        attempt.check_disk(backend.disk(lock) + lock.disk)
        building.check(attempt, backend)
        screen = attempt.artifacts / _SCREEN
        with self._step(states.Step.FETCH):
            files = fetching.fetch(attempt)
        with self._step(states.Step.REPO):
            repository.create(attempt)
            repository.create_tree(attempt)
            repository.create_side(attempt)
        with self._step(states.Step.BUILD):
            image, proof = building.build(attempt, backend)
            self.proven.append(proof)
        with self._step(states.Step.VERIFY):
            if lock.boot_iso or lock.tree:
                self._hold(*media.contains(attempt, image, files))
            else:
                self._hold(*verification.contains(attempt, image, files, closed=backend.closed))
        with self._step(states.Step.BOOT):
            database = bool(self.proven[-1].facts["database"])
            self._hold(*boot.prove(attempt, image, files, screen, database=database))
        with self._step(states.Step.PUBLISH):
            self._publish(image, files, str(self.proven[-1].facts["sha256"]))

    def publish_screen(self) -> None:
        """Stores the screenshot of an image that did not boot, if there is one; no fault of it counts."""
        failed = {proof.kind for proof in self.proven if not proof.held}
        if proofs.ProofKind.BOOTS in failed and (self.attempt.artifacts / _SCREEN).exists():
            with contextlib.suppress(errors.OndemandError, OSError):
                artifact = publishing.describe(self.attempt.artifacts / _SCREEN, "screenshot")
                publishing.upload(self.attempt, self.client, artifact)
                publishing.wait(self.attempt, self.client, {artifact.name}, _SCREEN_PATIENCE)
                self.artifacts = (artifact,)

    def _publish(self, image: pathlib.Path, files: tuple[fetching.Fetched, ...], booted: str) -> None:
        artifacts = publishing.collect(self.attempt, image, files, booted)
        self.proven.append(publishing.publish(self.attempt, self.client, artifacts))
        self.artifacts = artifacts

    def _hold(self, proof: proofs.Proof, error: errors.OndemandError | None) -> None:
        self.proven.append(proof)
        if error:
            raise error

    @contextlib.contextmanager
    def _step(self, step: states.Step) -> Iterator[None]:
        self.attempt.stop.check()
        self.attempt.progress.begin(step)
        self._report(step, states.StepState.RUNNING)
        try:
            yield
        except BaseException as raised:
            error = faults.explained(raised, self.attempt.folder)
            if isinstance(error, errors.OndemandError):
                # Without a place of its own it gets what the step's log says last, whosever fault it is.
                error.lines = error.lines or failing.last_lines(self.attempt.log(step))
                self.attempt.say(step, f"error: {error}")
            if not self.attempt.stop.reason:
                with contextlib.suppress(errors.OndemandError):
                    self._report(step, states.StepState.FAILED)
            if error is not raised:
                raise error from raised
            raise
        self._report(step, states.StepState.DONE)

    def _report(self, step: states.Step, state: states.StepState) -> None:
        master.patiently(lambda: self.client.step(step, state), self.attempt.stop)
