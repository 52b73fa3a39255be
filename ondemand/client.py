# SPDX-License-Identifier: MIT
"""The API's client, for people's scripts and the command line. Every call has a timeout; errors are ondemand.errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from ondemand import errors
from ondemand.build_requests import BuildRequest
from ondemand.builds import BuildRecord, CheckRecord, EventRecord
from ondemand.differences import Differences
from ondemand.states import State, Step

TIMEOUT = (5.0, 30.0)
"""Seconds to connect and to wait for an answer's next bytes."""
TRIES = 4


class Client:
    """Speaks to one master; `token` may be empty where the master lets anonymous people ask."""

    def __init__(self, url: str, token: str = "") -> None:
        """`url` is the master's address."""
        self.url = url.rstrip("/")
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.headers["Accept"] = "application/json"

    def submit(self, request: BuildRequest, key: str | None = None) -> BuildRecord:
        """Asks for an image; safe to repeat, as each call brings an Idempotency-Key."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        answer = self._call("POST", "/builds", json=request.model_dump(mode="json"), headers=headers)
        return self.build(int(answer.json()["id"]))

    def check(self, request: BuildRequest) -> CheckRecord:
        """What the request would become; makes no build. Raises what the check refuses it with."""
        answer = self._call("POST", "/check", json=request.model_dump(mode="json"))
        return CheckRecord.model_validate(answer.json())

    def build(self, build_id: int) -> BuildRecord:
        """All that is known of a build."""
        return BuildRecord.model_validate(self._call("GET", f"/builds/{build_id}").json())

    def builds(self, *, state: State | None = None, before: int | None = None, limit: int = 50) -> list[BuildRecord]:
        """Builds, the newest first."""
        query = {"state": state.value if state else None, "before": before, "limit": limit}
        answer = self._call("GET", "/builds", params={key: value for key, value in query.items() if value is not None})
        return [BuildRecord.model_validate(item) for item in answer.json()["builds"]]

    def cancel(self, build_id: int) -> BuildRecord:
        """Ends a build."""
        self._call("POST", f"/builds/{build_id}/cancel")
        return self.build(build_id)

    def lock(self, build_id: int) -> dict[str, Any]:
        """The build's lock (see ondemand.locks)."""
        found: dict[str, Any] = self._call("GET", f"/builds/{build_id}/lock").json()
        return found

    def differences(self, old: int, new: int) -> Differences:
        """What changes from one build's lock to another's."""
        return Differences.model_validate(self._call("GET", f"/builds/{old}/differences/{new}").json())

    def events(self, build_id: int, after: int = 0) -> list[EventRecord]:
        """The build's history after a `seq`."""
        answer = self._call("GET", f"/builds/{build_id}/events", params={"after": after})
        return [EventRecord.model_validate(item) for item in answer.json()["events"]]

    def log(self, build_id: int, step: Step, offset: int = 0) -> tuple[bytes, int]:
        """A piece of the newest attempt's log from `offset` on, and the log's size now, in bytes."""
        answer = self._call("GET", f"/builds/{build_id}/log", params={"step": step.value, "from": offset})
        return answer.content, int(answer.headers["X-Log-Size"])

    def releases(self) -> list[dict[str, Any]]:
        """The releases and what can be asked of them."""
        found: list[dict[str, Any]] = self._call("GET", "/releases").json()["releases"]
        return found

    def follow(self, build_id: int, *, timeout: float, pause: float = 1.0) -> Iterator[BuildRecord]:
        """The build each time it has changed, until it is final; raises errors.MasterUnavailable after `timeout` s."""
        deadline = time.monotonic() + timeout
        last: BuildRecord | None = None
        while True:
            record = self.build(build_id)
            if record != last:
                yield record
                last = record
            if record.state.final:
                return
            if time.monotonic() > deadline:
                raise errors.MasterUnavailable(
                    f"Build {build_id} has not ended in {timeout:.0f} s", remedy=f"watch it at {record.page}"
                )
            time.sleep(pause)

    def _call(self, method: str, path: str, **parts: Any) -> requests.Response:
        """One call; repeated when the master can't be reached, since every call here is safe to repeat."""
        for tried in range(1, TRIES + 1):
            try:
                answer = self._session.request(method, f"{self.url}/api/v1{path}", timeout=TIMEOUT, **parts)
                break
            except requests.RequestException as error:
                if tried == TRIES:
                    raise errors.MasterUnavailable(
                        f"The service at {self.url} can't be reached",
                        cause="it is down, or the address is wrong",
                        remedy="set ONDEMAND_MASTER__URL or try again later",
                    ) from error
                time.sleep(0.5 * tried)
        if answer.status_code >= 400:
            raise problem(answer)
        return answer


def problem(answer: requests.Response) -> errors.OndemandError:
    """The error that an answer of the API speaks of."""
    try:
        body = answer.json()
        cls, sentence = errors.by_code(body["code"]), str(body["detail"])
        details = tuple(str(item) for item in body.get("details", ()))
    except (ValueError, KeyError, TypeError):
        return errors.MasterUnavailable(
            f"The service answered with status {answer.status_code}", cause="it, or a proxy before it, is in trouble"
        )
    if cls is errors.OffsetMismatch:
        return errors.OffsetMismatch(sentence, size=int(body.get("size", 0)))
    if cls is errors.DeliveryFailed:
        return errors.ServiceError(sentence)
    return cls(sentence, details=details)
