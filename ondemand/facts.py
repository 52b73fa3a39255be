# SPDX-License-Identifier: MIT
"""What a message of the bus says, in words of our own: what a trigger plugin makes and the master's rules judge."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from ondemand.build_requests import Line


class Happening(enum.StrEnum):
    """What happened."""

    OFFERED = "offered"
    """Builds are there to be tested: an update has all of them, or a bot says so."""
    SIGNED = "signed"
    """Builds have their signature now."""
    WITHDRAWN = "withdrawn"
    """Nothing of it is to be tested any more: obsolete, unpushed, revoked, ejected, or stable."""
    COMPOSED = "composed"
    """A release's repositories are new."""


Text = Annotated[str, pydantic.Field(pattern=r"^[^\x00-\x20\x7f]{1,200}$")]
"""One word: an id, a topic, an NVR, a tag."""


class Facts(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The facts of one message; equal for equal messages.

    `release` is a name as the message has it (`F44`, a Koji tag, `44`), which the master knows to translate. `subject`
    is an update's alias, a build's NVR or a compose's id; `reference` what an image of it is ordered with. `build_ids`
    are Koji's. `critical_path` are groups, None where they are not known. `again` asks for what was made before.
    """

    message_id: Text
    topic: Text
    at: pydantic.AwareDatetime
    happened: Happening
    subject: Text
    release: Text | None = None
    reference: Line | None = None
    builds: Annotated[tuple[Text, ...], pydantic.Field(max_length=500)] = ()
    build_ids: Annotated[tuple[int, ...], pydantic.Field(max_length=500)] = ()
    content: Text = "rpm"
    critical_path: Annotated[tuple[Text, ...], pydantic.Field(max_length=50)] | None = None
    user: Line | None = None
    again: bool = False

    @property
    def identity(self) -> str:
        """The same for every message about the same content: the subject and its sorted builds."""
        ids = ",".join(map(str, sorted(self.build_ids))) or ",".join(sorted(self.builds))
        return f"{self.subject}:{ids}"
