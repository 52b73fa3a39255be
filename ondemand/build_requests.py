# SPDX-License-Identifier: MIT
"""What a user writes: the request for an image. Validates the shape only; asks nobody whether it can work."""

from __future__ import annotations

import enum
import hashlib
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from ondemand import descriptions, errors, references


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


_WORD, _NAME = (rf"^[A-Za-z0-9][A-Za-z0-9._+-]{{0,{length}}}$" for length in (63, 199))
_LETTERS = "letters, digits or any of . _ + - and begin with a letter or digit"
_MAIL = r"^[^@\s\x00-\x1f\x7f-\x9f<>,;\"\\]{1,64}@[A-Za-z0-9.-]{1,190}$"
_URL = r"^https?://[^\s\"'<>\\]{1,1000}$"
_FORMS = {
    _WORD: f"1 to 64 {_LETTERS}",
    _NAME: f"1 to 200 {_LETTERS}",
    _MAIL: "a mail address, as name@example.org",
    _URL: "an address that begins with https:// or http://",
}
"""The patterns that people run into, in words."""
Word = Annotated[str, pydantic.Field(pattern=_WORD)]
PackageName = Annotated[str, pydantic.Field(pattern=_NAME)]
Mail = Annotated[str, pydantic.Field(pattern=_MAIL)]
Url = Annotated[str, pydantic.Field(pattern=_URL)]
Line = Annotated[str, pydantic.Field(pattern=r"^[^\x00-\x1f\x7f]{1,120}$")]
TEXT = 512_000
"""Characters of a kickstart, or of all files of a description."""
OWN = "of the request"
"""The name of a description that a request brings."""
_SECRET = re.compile(r"""\bpwdformat\s*=\s*["']plain|\bluks\s*=|<repository\b[^>]*\bpassword\s*=""")
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


class OwnDescription(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A kiwi description of the requester's own: `files` maps paths to texts. `main` may be the only config.xml or *.kiwi;
    without a `profile` those are taken that the description itself imports."""

    files: dict[descriptions.Path, Annotated[str, pydantic.Field(max_length=TEXT)]] = pydantic.Field(min_length=1, max_length=100)
    main: Annotated[str, pydantic.Field(pattern=descriptions.MAIN)] | None = None
    profile: Word | None = None

    @pydantic.field_validator("files")
    @classmethod
    def _bounded(cls, files: dict[str, str]) -> dict[str, str]:
        if sum(map(len, files.values())) > TEXT:
            raise ValueError(f"all files together have more than {TEXT} characters")
        for path, text in files.items():
            try:
                _uncontrolled(text)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
            if _SECRET.search(text):
                raise ValueError(
                    f"{path} holds a password that everybody could read on the build's page; give its hash (`openssl passwd -6`)"
                )
        above = {str(parent) for path in files for parent in pathlib.PurePosixPath(path).parents}
        if both := sorted(above & {*files}):
            raise ValueError(f"«{both[0]}» is a file and a folder at once")
        return files

    @pydantic.model_validator(mode="after")
    def _whole(self) -> OwnDescription:
        try:
            self.described()
        except errors.InvalidRequest as error:
            raise ValueError(error.sentence) from error
        return self

    def described(self) -> descriptions.Description:
        """The same as it travels to a builder."""
        return descriptions.of_texts(OWN, self.files, self.main, self.profile)


class BuildRequest(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The request, the same for web form, REST, bus and command line.

    `builds` are references (see ondemand.references). `keep_for` is in days. `preset`, `kickstart`, `kickstart_url` and
    `description` exclude each other; without all the release's own preset for the image type is taken.
    """

    release: Word
    arch: Word = "x86_64"
    image_type: ImageType = ImageType.LIVE
    name: Word | None = None
    title: Line | None = None
    volume_label: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")] | None = None
    preset: Word | None = None
    kickstart: str | None = pydantic.Field(default=None, min_length=1, max_length=TEXT)
    kickstart_url: Url | None = None
    description: OwnDescription | None = None
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
        if sum(map(bool, (self.preset, self.kickstart, self.kickstart_url, self.description))) > 1:
            raise ValueError(
                "give either a preset, a kickstart of your own, as text or by its URL, or a kiwi description, not two of them"
            )
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

    @pydantic.model_serializer(mode="wrap")
    def _said(self, said: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what came later and says nothing: older builders and clients refuse fields that they don't know, and a
        repeated request is known by its older digest."""
        held: dict[str, Any] = said(self)
        if held.get("description", self) is None:
            del held["description"]
        return held

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
        f"{'.'.join(str(part) for part in item['loc']) or 'request'}: {_plain(item['type'], item['msg'], item.get('ctx', {}))}"
        for item in error.errors(include_url=False, include_input=False)
    )
    return errors.InvalidRequest(
        f"The request is not valid: {'; '.join(details)[:600]}",
        remedy="correct the named fields and send it again",
        details=details,
    )


def _plain(kind: str, message: str, context: Mapping[str, object]) -> str:
    if form := _FORMS.get(str(context.get("pattern"))):
        return f"it has to be {form}"
    if kind in _COMPLAINTS:
        return _COMPLAINTS[kind].format_map(dict(context))
    return message.replace("Input should be", "it has to be").removeprefix("Value error, ").rstrip(".")


_OBJECT = "it must be a JSON object with the fields of a request"
_COMPLAINTS = {
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "tuple_type": "it has to be a list",
    "too_short": "it has to hold at least {min_length}",
    "too_long": "it may hold {max_length} at most",
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
}
"""The validator's complaints in our words, by their kind; its others are near enough."""
