# SPDX-License-Identifier: MIT
"""The one tree of errors. Every error says in one sentence what happened, why, and what to do.

OndemandError
├── RequestError            the request asks for something that can't be; never retried by itself
│   ├── InvalidRequest · UnknownRelease · UnknownImageType · UnknownReference · UnknownBuild · UnknownSet · UnknownUpload
│   ├── KickstartInvalid · Unsolvable · NotPermitted · NotAuthenticated · IdempotencyMismatch · StateConflict · HttpError
│   ├── UploadsFull · UnknownWish · TooManyOrders · ToolRefused
├── ContentError            the content can't become that image; never retried by itself
│   ├── WrongSignature · WrongDigest · ToolFailed · WrongContents · DoesNotBoot · StepTimedOut · LimitExceeded
├── BuilderError            this builder can't; another attempt may
│   ├── TooLittleDisk · ToolMissing · ToolStarved · AttemptLost · LeaseLost · BuildCanceled
└── ServiceError            a service is away; tried again later
    ├── SourceUnavailable · StorageFailed · MasterUnavailable · DeliveryFailed · OffsetMismatch
    ├── WaitTimedOut · PluginMissing · CannotStart · ToolCutOff
"""

from __future__ import annotations

import enum
from typing import Any, ClassVar


class FailureClass(enum.StrEnum):
    """Who has to act; only the last two are retried by the service itself."""

    REQUEST = "request"
    CONTENT = "content"
    BUILDER = "builder"
    SERVICE = "service"


class OndemandError(Exception):
    """Base of all our errors. `str()` is the sentence for people; `details` are further sentences, `lines` those of a log."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1
    http_status: int = 500
    failure_class: ClassVar[FailureClass] = FailureClass.SERVICE

    def __init__(
        self,
        happened: str,
        *,
        cause: str = "",
        remedy: str = "",
        details: tuple[str, ...] = (),
        lines: tuple[str, ...] = (),
    ) -> None:
        self.happened = happened.rstrip(". ")
        self.cause = cause.rstrip(". ")
        self.remedy = remedy.rstrip(". ")
        self.details = details
        self.lines = lines
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """What happened, the likely cause and what to do, as one sentence."""
        text = self.happened
        if self.cause:
            text += f", because {self.cause}"
        if self.remedy:
            text += f"; {self.remedy}"
        return text + "."

    @property
    def retryable(self) -> bool:
        """Whether the service may try again by itself."""
        return self.failure_class in (FailureClass.BUILDER, FailureClass.SERVICE)

    def as_dict(self) -> dict[str, Any]:
        """The error as it is stored and sent: code, class, sentence, details, and the lines where it has some."""
        return {
            "code": self.code,
            "class": self.failure_class.value,
            "sentence": self.sentence,
            "details": list(self.details),
            **({"lines": list(self.lines)} if self.lines else {}),
        }


class RequestError(OndemandError):
    """The request asks for something that can't be."""

    code = "request-error"
    exit_status = 2
    http_status = 422
    failure_class = FailureClass.REQUEST


class InvalidRequest(RequestError):
    """A field is missing, unknown or has the wrong shape."""

    code = "invalid-request"
    exit_status = 3


class UnknownRelease(RequestError):
    """No release definition has that name."""

    code = "unknown-release"
    exit_status = 4


class UnknownImageType(RequestError):
    """The release does not offer that image type, architecture, preset or backend."""

    code = "unknown-image-type"
    exit_status = 5


class UnknownReference(RequestError):
    """A wanted update, build or package does not exist, or not for that architecture."""

    code = "unknown-reference"
    exit_status = 6


class UnknownBuild(RequestError):
    """There is no build, attempt or file with that id."""

    code = "unknown-build"
    exit_status = 7
    http_status = 404


class UnknownSet(RequestError):
    """There is no set of that name, or not that version of it."""

    code = "unknown-set"
    exit_status = 15
    http_status = 404


class UnknownWish(RequestError):
    """There is no wish with that id, or no trigger rule of that name."""

    code = "unknown-wish"
    exit_status = 19
    http_status = 404


class KickstartInvalid(RequestError):
    """The kickstart can't be read, or asks for what is not allowed; the sentence names the line."""

    code = "kickstart-invalid"
    exit_status = 8


class Unsolvable(RequestError):
    """The packages can't be installed together; `details` hold every problem."""

    code = "unsolvable"
    exit_status = 9
    absent: tuple[str, ...] = ()
    """Wanted builds that the image would not hold, where that alone is the problem."""


class NotPermitted(RequestError):
    """The owner lacks a permission, or names an address that the operator does not allow."""

    code = "not-permitted"
    exit_status = 10
    http_status = 403


class NotAuthenticated(RequestError):
    """The token is missing or not known."""

    code = "not-authenticated"
    exit_status = 11
    http_status = 401


class IdempotencyMismatch(RequestError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency-mismatch"
    exit_status = 12


class StateConflict(RequestError):
    """The build's state does not allow that."""

    code = "state-conflict"
    exit_status = 13
    http_status = 409


class HttpError(RequestError):
    """The API has no such address, or takes no such method or body there; the HTTP status says which."""

    code = "http-error"
    exit_status = 14
    http_status = 404

    def __init__(
        self, happened: str, *, status: int = 404, cause: str = "", remedy: str = "", details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(happened, cause=cause, remedy=remedy, details=details)
        self.http_status = status


class UnknownUpload(RequestError):
    """There is no upload with that digest, or none of the asker's."""

    code = "unknown-upload"
    exit_status = 17
    http_status = 404


class UploadsFull(RequestError):
    """The owner's uploads, or all of them together, leave no room for another RPM."""

    code = "uploads-full"
    exit_status = 18
    http_status = 413


class TooManyOrders(RequestError):
    """The bot has ordered as many images in the last hour as the operator lets it."""

    code = "too-many-orders"
    exit_status = 16
    http_status = 429


class ToolRefused(RequestError):
    """The image tool does not take what the request asks for."""

    code = "tool-refused"
    exit_status = 27


class ContentError(OndemandError):
    """The content can't become that image."""

    code = "content-error"
    exit_status = 20
    http_status = 422
    failure_class = FailureClass.CONTENT


class WrongSignature(ContentError):
    """An RPM is signed by a key that the release does not trust."""

    code = "wrong-signature"
    exit_status = 21


class WrongDigest(ContentError):
    """A file has other bytes than the lock names."""

    code = "wrong-digest"
    exit_status = 22


class ToolFailed(ContentError):
    """The image tool ended with an error; the sentence holds its failing line."""

    code = "tool-failed"
    exit_status = 23


class WrongContents(ContentError):
    """The image does not hold exactly what the lock names."""

    code = "wrong-contents"
    exit_status = 24


class DoesNotBoot(ContentError):
    """The image did not reach its multi-user target with the proof."""

    code = "does-not-boot"
    exit_status = 25


class StepTimedOut(ContentError):
    """A step ran past its time limit and was killed."""

    code = "step-timed-out"
    exit_status = 26


class LimitExceeded(ContentError):
    """A build used more disk or processes than it may."""

    code = "limit-exceeded"
    exit_status = 28


class BuilderError(OndemandError):
    """This builder can't; another attempt may."""

    code = "builder-error"
    exit_status = 30
    http_status = 503
    failure_class = FailureClass.BUILDER


class TooLittleDisk(BuilderError):
    """The builder's disk has not the room that the build needs."""

    code = "too-little-disk"
    exit_status = 31


class ToolMissing(BuilderError):
    """A program that the backend or a proof needs is not installed on the builder."""

    code = "tool-missing"
    exit_status = 32


class ToolStarved(BuilderError):
    """The image tool lacked what the builder has to give: disk, memory, a loop device; or it was killed there."""

    code = "tool-starved"
    exit_status = 36


class AttemptLost(BuilderError):
    """The builder went away in the middle of an attempt."""

    code = "attempt-lost"
    exit_status = 33


class LeaseLost(BuilderError):
    """The attempt no longer belongs to this builder; its work is thrown away."""

    code = "lease-lost"
    exit_status = 34
    http_status = 409


class BuildCanceled(BuilderError):
    """The build was canceled while this attempt ran."""

    code = "build-canceled"
    exit_status = 35
    http_status = 409


class ServiceError(OndemandError):
    """A service is away; tried again later."""

    code = "service-error"
    exit_status = 40
    http_status = 503


class SourceUnavailable(ServiceError):
    """Koji, Bodhi or a repository can't be reached; the check waits, nothing is refused."""

    code = "source-unavailable"
    exit_status = 41

    def asked(self) -> SourceUnavailable:
        """The same for who only asks: no build waits for the source and is checked again by itself."""
        return SourceUnavailable(self.happened, cause=self.cause, remedy="ask again in a moment", details=self.details)


class StorageFailed(ServiceError):
    """A file could not be stored, or came back with other bytes."""

    code = "storage-failed"
    exit_status = 42


class MasterUnavailable(ServiceError):
    """The service's API can't be reached or answered without sense."""

    code = "master-unavailable"
    exit_status = 43


class DeliveryFailed(ServiceError):
    """A mail or message could not be handed over; `permanent` parks it. `away`: the sink itself is, whatever it is given."""

    code = "delivery-failed"
    exit_status = 44

    def __init__(
        self, happened: str, *, permanent: bool = False, away: bool = False, cause: str = "", remedy: str = ""
    ) -> None:
        super().__init__(happened, cause=cause, remedy=remedy)
        self.permanent, self.away = permanent, away


class OffsetMismatch(ServiceError):
    """A piece of a log or upload does not follow the bytes already held; `size` is the true size in bytes."""

    code = "offset-mismatch"
    exit_status = 45
    http_status = 409

    def __init__(self, happened: str, *, size: int, cause: str = "", remedy: str = "") -> None:
        super().__init__(happened, cause=cause, remedy=remedy)
        self.size = size


class WaitTimedOut(ServiceError):
    """The build goes on, but whoever watched it would wait no longer."""

    code = "wait-timed-out"
    exit_status = 46


class PluginMissing(ServiceError):
    """The settings or a release name a plugin that no installed package registers."""

    code = "plugin-missing"
    exit_status = 47


class CannotStart(ServiceError):
    """A process of the service can't use a folder, address, database or file that its settings name."""

    code = "cannot-start"
    exit_status = 48


class ToolCutOff(ServiceError):
    """The image tool could not get a file that it needs from elsewhere."""

    code = "tool-cut-off"
    exit_status = 49


def all_errors() -> list[type[OndemandError]]:
    """Every class of the tree, parents before children."""
    found: list[type[OndemandError]] = [OndemandError]
    for parent in found:
        found.extend(parent.__subclasses__())
    return found


def by_code(code: str) -> type[OndemandError]:
    """The class with that code; the base class for a code of another version."""
    return next((cls for cls in all_errors() if cls.code == code), OndemandError)
