# SPDX-License-Identifier: MIT
"""The builder's side of the worker API. Speaks HTTP only; `patiently` waits for an absent master."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pydantic
import requests

from ondemand import builds, errors, proofs, states
from ondemand_consumer import stopping

Result = TypeVar("Result")
_TIMEOUT = (5, 60)
PATIENCE = 900.0
"""Seconds for which an attempt goes on without its master."""


class Master:
    """The master at `url`. Methods raise what it answers, or errors.MasterUnavailable; thread-safe."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/worker"
        self._token = token
        self._local = threading.local()
        self.builders = 1
        """How many builders can do what this one can, as the last claim that got nothing was told."""

    def register(self, instance: str) -> str:
        """Ends this builder's attempts of earlier instances; returns the builder's name."""
        answer = self._call("POST", "registration", json={"instance": instance})
        return _read(answer, lambda body: str(body["builder"]))

    def claim(self, claim_id: str, instance: str, capabilities: builds.Capabilities) -> builds.Assignment | None:
        """One attempt, the same for the same `claim_id`; None when nothing waits for such a builder."""
        body = {
            "claim_id": claim_id,
            "instance": instance,
            "capabilities": capabilities.model_dump(mode="json"),
        }
        answer = self._call("POST", "claims", json=body)
        if answer.status_code == 204:
            self.builders = _number(answer.headers.get(builds.BUILDERS))
            return None
        try:
            return builds.Assignment.model_validate_json(answer.content)
        except pydantic.ValidationError as error:
            raise errors.MasterUnavailable(
                "The master's assignment can't be understood",
                cause=" ".join(str(error).split())[:300],
                remedy="run the same version on master and builder",
            ) from error

    def attempt(self, assignment: builds.Assignment) -> AttemptClient:
        """The calls that belong to one attempt."""
        return AttemptClient(self, f"builds/{assignment.build_id}/attempts/{assignment.attempt}")

    def _call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["Authorization"] = f"Bearer {self._token}"
            # A proxy or .netrc of the machine has no business between builder and master.
            self._local.session.trust_env = False
        try:
            answer: requests.Response = self._local.session.request(
                method, f"{self._url}/{path}", timeout=_TIMEOUT, allow_redirects=False, **arguments
            )
        except requests.RequestException as error:
            raise errors.MasterUnavailable(
                "The master does not answer",
                cause=" ".join(str(error).split())[:200],
                remedy="look whether it is up; the builder tries again",
            ) from error
        if answer.status_code >= 300:
            raise _problem(answer)
        return answer


class AttemptClient:
    """What a builder tells the master of one attempt; every method may raise errors.LeaseLost."""

    def __init__(self, master: Master, path: str) -> None:
        self._call = master._call
        self._path = path

    def beat(self, progress: builds.Progress | None = None) -> bool:
        """Keeps the lease and tells how far the attempt is; says whether the build was canceled."""
        body = builds.Beat(progress=progress).model_dump(mode="json")
        return _read(self._call("POST", f"{self._path}/beat", json=body), lambda found: bool(found["canceled"]))

    def step(self, step: states.Step, state: states.StepState) -> None:
        """Reports that a step began or ended."""
        body = builds.StepReport(state=state).model_dump(mode="json")
        self._call("PUT", f"{self._path}/steps/{step.value}", json=body)

    def append_log(self, step: states.Step, offset: int, piece: bytes) -> int:
        """Appends to the step's log; returns its size. Raises errors.OffsetMismatch with the true size."""
        return self._append(f"logs/{step.value}", offset, piece)

    def append_artifact(self, name: str, offset: int, piece: bytes) -> int:
        """Appends to an upload; returns its size. Raises errors.OffsetMismatch with the true size."""
        return self._append(f"artifacts/{name}", offset, piece)

    def complete(self, artifact: proofs.Artifact) -> None:
        """Says that all bytes of an upload are there."""
        body = artifact.model_dump(mode="json")
        self._call("POST", f"{self._path}/artifacts/{artifact.name}/complete", json=body)

    def artifacts(self) -> dict[str, dict[str, Any]]:
        """Name, state, url and error of every upload, by name."""
        answer = self._call("GET", f"{self._path}/artifacts")
        return _read(answer, lambda body: {str(item["name"]): item for item in body["artifacts"]})

    def finish(self, report: builds.FinishReport) -> str:
        """Ends the attempt; returns the build's state."""
        body = report.model_dump(mode="json")
        return _read(self._call("POST", f"{self._path}/finish", json=body), lambda found: str(found["state"]))

    def _append(self, path: str, offset: int, piece: bytes) -> int:
        answer = self._call("PUT", f"{self._path}/{path}", params={"offset": offset}, data=piece)
        return _read(answer, lambda body: int(body["size"]))


def patiently(call: Callable[[], Result], stop: stopping.Stop, patience: float = PATIENCE) -> Result:
    """The call's result, tried again for `patience` seconds while the master is away."""
    until = stop.patience(patience)
    pause = 0.25
    while True:
        try:
            return call()
        except errors.MasterUnavailable:
            if time.monotonic() > until:
                raise
        stop.sleep(pause)
        pause = min(pause * 2, 10.0)


def _number(text: str | None) -> int:
    """What a header says; 1 where it is not there, as an older master sends none, or no number."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _read(answer: requests.Response, make: Callable[[Any], Result]) -> Result:
    """What `make` finds in the answer's JSON; a page of a proxy, say, counts as a master that is away."""
    try:
        return make(answer.json())
    except (ValueError, KeyError, TypeError) as error:
        raise errors.MasterUnavailable(
            f"What the master answered with HTTP status {answer.status_code} is not understood",
            cause="it is starting, is of another version, or something else listens at its address",
            remedy="look at its log; the builder tries again",
        ) from error


def _problem(answer: requests.Response) -> errors.OndemandError:
    try:
        body = answer.json()
        code, sentence = str(body["code"]), str(body["detail"])
    except (ValueError, KeyError, TypeError):
        return errors.MasterUnavailable(
            f"The master answered with HTTP status {answer.status_code} and no reason",
            cause="it is starting, or something else listens at its address",
            remedy="look at its log",
        )
    if code == errors.OffsetMismatch.code and isinstance(body.get("size"), int):
        return errors.OffsetMismatch(sentence, size=body["size"])
    kind = errors.by_code(code)
    away = kind is errors.OndemandError or issubclass(kind, errors.ServiceError)
    if kind is errors.OffsetMismatch or (answer.status_code >= 500 and away):
        return errors.MasterUnavailable(sentence)
    return kind(sentence, details=tuple(map(str, body.get("details") or ())))
