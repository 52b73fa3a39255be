# SPDX-License-Identifier: MIT
"""The API's client, for people's scripts and the command line. Every call has a timeout; errors are ondemand.errors."""

from __future__ import annotations

import pathlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, TypeVar
from urllib.parse import quote

import requests

from ondemand import errors
from ondemand.build_requests import BuildRequest
from ondemand.builds import BuildRecord, CheckRecord, EventRecord
from ondemand.comparisons import Comparison
from ondemand.differences import Differences
from ondemand.facts import Facts
from ondemand.orders import Order
from ondemand.reference_sets import SetRecord
from ondemand.resolutions import ResolveRecord
from ondemand.states import State, Step
from ondemand.uploads import TYPE, UploadList, UploadRecord
from ondemand.wishes import DecisionState, ReplayedWish, RuleRecord, WishRecord

Found = TypeVar("Found")
TIMEOUT = (5.0, 30.0)
"""Seconds to connect and to wait for an answer's next bytes."""
TRIES = 4
UPLOAD_TIMEOUT = (5.0, 600.0)
"""The same for an upload, which is answered when all of it is read, checked and on the disk."""


class Client:
    """Speaks to one master; `token` may be empty where the master lets anonymous people ask."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        session: requests.Session | None = None,
        tries: int = TRIES,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        """`url` is the master's address; the rest is for callers that bound their waiting themselves."""
        self.url = url.rstrip("/")
        self._tries, self._timeout = tries, timeout
        self._session = session or requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.headers["Accept"] = "application/json"

    def submit(self, request: BuildRequest, key: str | None = None) -> BuildRecord:
        """Asks for an image; safe to repeat, as each call brings an Idempotency-Key."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        answer = self._call("POST", "/builds", json=request.model_dump(mode="json"), headers=headers)
        return self.build(self._read(answer, lambda body: int(body["id"])))

    def rebuild(self, build_id: int, *, same_lock: bool = False, key: str | None = None) -> BuildRecord:
        """Asks for a build again, with a new lock or by the same one; safe to repeat as `submit` is."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        body = {"lock": "same" if same_lock else "new"}
        answer = self._call("POST", f"/builds/{build_id}/rebuild", json=body, headers=headers)
        return self.build(self._read(answer, lambda found: int(found["id"])))

    def check(self, request: BuildRequest) -> CheckRecord:
        """What the request would become; makes no build. Raises what the check refuses it with."""
        answer = self._call("POST", "/check", json=request.model_dump(mode="json"))
        return self._read(answer, CheckRecord.model_validate)

    def resolve(self, references: Sequence[str], release: str, arch: str = "x86_64", **image: Any) -> ResolveRecord:
        """What references would become; those that could not be told in time are marked `partial`: ask again.

        With `image_type`, and other fields of `resolutions.ResolveRequest`, also which packages that image would install.
        """
        body = {"release": release, "arch": arch, "references": list(references), **image}
        return self._read(self._call("POST", "/resolve", json=body), ResolveRecord.model_validate)

    def reference_set(self, name: str, version: int | None = None) -> SetRecord:
        """A version of a set, the newest by default; raises errors.UnknownSet."""
        params = {"version": version} if version else {}
        return self._read(self._call("GET", f"/sets/{quote(name, safe='')}", params=params), SetRecord.model_validate)

    def reference_sets(self) -> list[SetRecord]:
        """The newest version of each set."""
        answer = self._call("GET", "/sets")
        return self._read(answer, lambda body: [SetRecord.model_validate(item) for item in body["sets"]])

    def put_set(self, name: str, references: Sequence[str], based_on: int) -> SetRecord:
        """The set's next version; raises errors.StateConflict when `based_on` is not its newest (0: there is none)."""
        body = {"references": list(references), "based_on": based_on}
        return self._read(self._call("PUT", f"/sets/{quote(name, safe='')}", json=body), SetRecord.model_validate)

    def remove_set(self, name: str) -> None:
        """Removes a set."""
        self._call("DELETE", f"/sets/{quote(name, safe='')}")

    def uploads(self) -> UploadList:
        """One's own uploads, and the limits."""
        return self._read(self._call("GET", "/uploads"), UploadList.model_validate)

    def upload(self, path: pathlib.Path) -> UploadRecord:
        """Uploads an RPM file; the same one again is the same upload. Raises OSError for what can't be read."""
        with path.open("rb") as file:
            answer = self._call("POST", "/uploads", sent=file, headers={"Content-Type": TYPE}, timeout=UPLOAD_TIMEOUT)
        return self._read(answer, UploadRecord.model_validate)

    def remove_upload(self, sha256: str) -> None:
        """Removes an upload; raises errors.UnknownUpload, and errors.StateConflict while an unfinished build needs it."""
        self._call("DELETE", f"/uploads/{quote(sha256, safe='')}")

    def build(self, build_id: int) -> BuildRecord:
        """All that is known of a build."""
        return self._read(self._call("GET", f"/builds/{build_id}"), BuildRecord.model_validate)

    def builds(self, *, state: State | None = None, before: int | None = None, limit: int = 50) -> list[BuildRecord]:
        """Builds, the newest first."""
        query = {"state": state.value if state else None, "before": before, "limit": limit}
        answer = self._call("GET", "/builds", params={key: value for key, value in query.items() if value is not None})
        return self._read(answer, lambda body: [BuildRecord.model_validate(item) for item in body["builds"]])

    def cancel(self, build_id: int) -> BuildRecord:
        """Ends a build."""
        self._call("POST", f"/builds/{build_id}/cancel")
        return self.build(build_id)

    def lock(self, build_id: int) -> dict[str, Any]:
        """The build's lock (see ondemand.locks)."""
        return self._read(self._call("GET", f"/builds/{build_id}/lock"), lambda body: dict(body))

    def differences(self, old: int, new: int) -> Differences:
        """What changes from one build's lock to another's."""
        return self._read(self._call("GET", f"/builds/{old}/differences/{new}"), Differences.model_validate)

    def comparison(self, old: int, new: int) -> Comparison:
        """Two builds side by side: packages, size, time, boot and tools."""
        return self._read(self._call("GET", f"/builds/{old}/comparison/{new}"), Comparison.model_validate)

    def events(self, build_id: int, after: int = 0) -> list[EventRecord]:
        """The build's history after a `seq`."""
        answer = self._call("GET", f"/builds/{build_id}/events", params={"after": after})
        return self._read(answer, lambda body: [EventRecord.model_validate(item) for item in body["events"]])

    def log(self, build_id: int, step: Step, offset: int = 0, attempt: int | None = None) -> tuple[bytes, int]:
        """A piece of an attempt's log (else the newest one's) from `offset` on, and the log's size now, in bytes."""
        query = {"step": step.value, "from": offset, "attempt": attempt}
        answer = self._call("GET", f"/builds/{build_id}/log", params=query)
        try:
            return answer.content, int(answer.headers["X-Log-Size"])
        except (KeyError, ValueError) as error:
            raise self._senseless() from error

    def wishes(
        self, *, state: DecisionState | None = None, rule: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[WishRecord]:
        """Messages of the bus with what became of them, the newest first."""
        query = {"state": state.value if state else None, "rule": rule, "before": before, "limit": limit}
        answer = self._call("GET", "/wishes", params={key: value for key, value in query.items() if value is not None})
        return self._read(answer, lambda body: [WishRecord.model_validate(item) for item in body["wishes"]])

    def rules(self) -> list[RuleRecord]:
        """The trigger rules as they stand now."""
        answer = self._call("GET", "/triggers")
        return self._read(answer, lambda body: [RuleRecord.model_validate(item) for item in body["rules"]])

    def pause_rule(self, name: str) -> RuleRecord:
        """Lets a trigger rule order nothing until it is resumed; for operators."""
        return self._read(self._call("POST", f"/triggers/{quote(name, safe='')}/pause"), RuleRecord.model_validate)

    def resume_rule(self, name: str) -> RuleRecord:
        """Lets a paused trigger rule go on; for operators."""
        return self._read(self._call("POST", f"/triggers/{quote(name, safe='')}/resume"), RuleRecord.model_validate)

    def offer(self, said: Facts | Order) -> bool:
        """Hands over what a message says; whether the master did not have it yet. Safe to repeat.

        A redirect, or a page of something else, is no receipt: the message would be lost.
        """
        path = "/orders" if isinstance(said, Order) else "/wishes"
        answer = self._call("POST", path, json=said.model_dump(mode="json"), allow_redirects=False)
        if answer.status_code not in (200, 202):
            raise self._senseless()
        self._read(answer, dict)
        return answer.status_code == 202

    def would_order(self, facts: Sequence[Facts]) -> list[ReplayedWish]:
        """What would become of each message; `facts` are at most 1000. Orders nothing."""
        body = {"facts": [each.model_dump(mode="json") for each in facts]}
        answer = self._call("POST", "/wishes/replay", json=body)
        return self._read(answer, lambda body: [ReplayedWish.model_validate(item) for item in body["wishes"]])

    def releases(self) -> list[dict[str, Any]]:
        """The releases and what can be asked of them."""
        return self._read(self._call("GET", "/releases"), lambda body: [dict(item) for item in body["releases"]])

    def presets(self) -> list[dict[str, Any]]:
        """What an image can begin from."""
        return self._read(self._call("GET", "/presets"), lambda body: [dict(item) for item in body["presets"]])

    def follow(self, build_id: int, *, timeout: float, pause: float = 1.0) -> Iterator[BuildRecord]:
        """The build each time it has changed, until it is final; raises errors.WaitTimedOut after `timeout` s."""
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
                raise errors.WaitTimedOut(
                    f"Build {build_id} has not ended in {timeout:.0f} s", remedy=f"watch it at {record.page}"
                )
            time.sleep(pause)

    def _read(self, answer: requests.Response, make: Callable[[Any], Found]) -> Found:
        """What `make` finds in the answer's JSON; raises errors.MasterUnavailable when that is not what a master says."""
        try:
            return make(answer.json())
        except (ValueError, KeyError, TypeError) as error:
            raise self._senseless() from error

    def _senseless(self) -> errors.MasterUnavailable:
        return errors.MasterUnavailable(
            f"What {self.url} answered is not understood",
            cause="something else answers there, or the service is of another version",
            remedy="set ONDEMAND_MASTER__URL to the service's own address",
        )

    def _call(self, method: str, path: str, sent: IO[bytes] | None = None, **parts: Any) -> requests.Response:
        """One call; repeated when the master can't be reached, since every call here is safe to repeat."""
        for tried in range(1, self._tries + 1):
            if sent is not None:
                sent.seek(0)
            try:
                words = {"timeout": self._timeout, "data": sent, **parts}
                answer = self._session.request(method, f"{self.url}/api/v1{path}", **words)
                break
            except requests.RequestException as error:
                if tried == self._tries:
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
    if cls is errors.HttpError:
        return errors.HttpError(sentence, status=answer.status_code, details=details)
    if cls is errors.DeliveryFailed:
        return errors.ServiceError(sentence)
    return cls(sentence, details=details)
