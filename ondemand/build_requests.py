# SPDX-License-Identifier: MIT
"""What a user writes: the request for an image. Validates the shape only; asks nobody whether it can work."""

from __future__ import annotations

import enum
import hashlib
import json
import re
from typing import Annotated

import pydantic

from ondemand import errors, references


class ImageType(enum.StrEnum):
    """What kind of image is asked for."""

    LIVE = "live"
    """A system that runs from the medium."""
    BOOT = "boot"
    """An installer that fetches its packages."""
    DVD = "dvd"
    """An installer with its packages."""


class Profile(enum.StrEnum):
    """What the image is for."""

    TEST = "test"
    """Compressed quickly: for a look, an hour from now forgotten."""
    RELEASE = "release"
    """Compressed well: for many downloads."""


Word = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
PackageName = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")]
Mail = Annotated[str, pydantic.Field(pattern=r"^[^@\s\x00-\x1f\x7f-\x9f<>,;\"\\]{1,64}@[A-Za-z0-9.-]{1,190}$")]
Url = Annotated[str, pydantic.Field(pattern=r"^https?://[^\s\"'<>\\]{1,1000}$")]
Line = Annotated[str, pydantic.Field(pattern=r"^[^\x00-\x1f\x7f]{1,120}$")]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _uncontrolled(text: str | None) -> str | None:
    if text and (found := _CONTROL.search(text)):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"line {line} holds the control character U+{ord(found[0]):04X}; write it as plain text")
    return text


class ExtraRepository(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A repository beside the release's own; `key` is its armored public key."""

    name: Word
    url: Url
    key: str | None = pydantic.Field(default=None, max_length=20_000)

    _key = pydantic.field_validator("key")(_uncontrolled)

    def address(self, arch: str) -> str:
        """The URL for an architecture (`{arch}` and `$basearch` stand for it), without a slash at its end."""
        return self.url.replace("{arch}", arch).replace("$basearch", arch).rstrip("/")


class BuildRequest(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The request, the same for web form, REST, bus and command line.

    `builds` are references (see ondemand.references). `keep_for` is in days. `preset`, `kickstart` and `kickstart_url`
    exclude each other; without all the release's own preset for the image type is taken.
    """

    release: Word
    arch: Word = "x86_64"
    image_type: ImageType = ImageType.LIVE
    name: Word | None = None
    title: Line | None = None
    volume_label: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")] | None = None
    preset: Word | None = None
    kickstart: str | None = pydantic.Field(default=None, min_length=1, max_length=512_000)
    kickstart_url: Url | None = None
    add_packages: tuple[PackageName, ...] = pydantic.Field(default=(), max_length=500)
    remove_packages: tuple[PackageName, ...] = pydantic.Field(default=(), max_length=500)
    add_groups: tuple[Word, ...] = pydantic.Field(default=(), max_length=100)
    remove_groups: tuple[Word, ...] = pydantic.Field(default=(), max_length=100)
    builds: tuple[Line, ...] = pydantic.Field(default=(), max_length=100)
    repositories: tuple[ExtraRepository, ...] = pydantic.Field(default=(), max_length=10)
    backend: Word | None = None
    profile: Profile = Profile.TEST
    notify: tuple[Mail, ...] = pydantic.Field(default=(), max_length=10)
    keep_for: int = pydantic.Field(default=14, ge=1, le=3650)

    _kickstart = pydantic.field_validator("kickstart")(_uncontrolled)

    @pydantic.field_validator("kickstart")
    @classmethod
    def _without_secrets(cls, text: str | None) -> str | None:
        if text and (line := plain_password(text)):
            raise ValueError(
                f"line {line} holds a password that everybody could read on the build's page; "
                "give its hash (`openssl passwd -6`) with --iscrypted"
            )
        return text

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> BuildRequest:
        if sum(map(bool, (self.preset, self.kickstart, self.kickstart_url))) > 1:
            raise ValueError("give either a preset or a kickstart of your own, as text or by its URL, not two of them")
        if both := set(self.add_packages) & set(self.remove_packages):
            raise ValueError(f"these packages are added and removed at once: {', '.join(sorted(both))}")
        names = [repository.name for repository in self.repositories]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"these repositories come twice: {', '.join(sorted(twice))}; give each a name of its own")
        for text in self.builds:
            try:
                references.parse(text)
            except errors.UnknownReference as error:
                raise ValueError(error.sentence) from error
        return self

    def without_addresses(self) -> BuildRequest:
        """The request as anybody may see it: nobody's mail address in it."""
        return self.model_copy(update={"notify": ()})

    def digest(self) -> str:
        """SHA-256 over the canonical JSON; equal requests have equal digests."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def label(self, build_id: int) -> str:
        """The ISO 9660 volume label: at most 32 characters of A-Z, a-z, 0-9, dot, dash and underscore."""
        if self.volume_label:
            return self.volume_label
        head = re.sub(r"[^A-Za-z0-9._-]", "-", f"{self.name or self.release}-{self.image_type.value}")
        tail = f"-{build_id}"
        return head[: 32 - len(tail)] + tail


def plain_password(kickstart: str) -> int:
    """The number of the first line with a password or passphrase that is not hashed; 0 without one."""
    for number, line in enumerate(kickstart.splitlines(), start=1):
        command, *words = line.partition("#")[0].split() or [""]
        options = [word for word in words if word.startswith("--")]
        hashed = any(word.startswith("--is") for word in options)
        given = any(word.startswith("--pass") for word in options)
        if command in ("rootpw", "sshpw"):
            given = len(options) < len(words)
        if given and not hashed:
            return number
    return 0


def validate(data: object) -> BuildRequest:
    """The request in `data`; raises errors.InvalidRequest with every wrong field in `details`."""
    try:
        return BuildRequest.model_validate(data)
    except pydantic.ValidationError as error:
        raise invalid(error) from error


def invalid(error: pydantic.ValidationError) -> errors.InvalidRequest:
    """The validator's complaints as one of our errors."""
    details = tuple(
        f"{'.'.join(str(part) for part in item['loc']) or 'request'}: {_plain(item['type'], item['msg'])}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return errors.InvalidRequest(
        f"The request is not valid: {'; '.join(details)[:600]}",
        remedy="correct the named fields and send it again",
        details=details,
    )


def _plain(kind: str, message: str) -> str:
    if kind in ("model_type", "model_attributes_type"):
        return "it must be a JSON object with the fields of a request"
    return message.removeprefix("Value error, ").rstrip(".")
