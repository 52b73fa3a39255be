# SPDX-License-Identifier: MIT
"""Our handlers read, refuse and write as pykickstart's own do."""

from __future__ import annotations

import sys

import pytest
from pykickstart import errors, parser, version
from pykickstart.handlers import control

from ondemand import kickstart_syntax

SYNTAXES = ("RHEL9", "F40", "F44")
SAMPLES = (
    "",
    "lang C.UTF-8\nkeyboard us\ntimezone UTC --utc\nrootpw --lock\nservices --enabled=sshd\n%packages\nbash\n%end\n",
    "url --url=http://a/b\nrepo --name=x --baseurl=http://a/c\npart / --size=100\nbootloader --location=none\n",
    "clearpart --all\nvolgroup v pv.1\npartition pv.1 --size=5\nlogvol / --vgname=v --name=r --size=3\nnetwork --device=e0\n",
    "autopart\npart / --size=100\n",
    "mount /dev/a /\nautopart\n",
    "nfs --server=a --dir=/b\nliveimg --url=http://a/b\n",
    "nonsense --yes\n",
    "%post\necho\n%end\n%addon org_x\ny\n%end\n",
)


def _told(handler: version.KickstartHandler, text: str) -> str:
    try:
        parser.KickstartParser(handler).readKickstartFromString(text)
    except errors.KickstartError as error:
        return f"error {error}"
    return str(handler)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("text", SAMPLES)
def test_a_text_becomes_what_pykickstart_makes_of_it(syntax: str, text: str) -> None:
    assert _told(kickstart_syntax.handler(syntax), text) == _told(version.makeVersion(syntax), text)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_command_is_there(syntax: str) -> None:
    ours, theirs = kickstart_syntax.handler(syntax), version.makeVersion(syntax)
    for name in control.commandMap[theirs.version]:
        assert type(ours.commands[name]) is type(theirs.commands[name])
    assert {name for name in vars(theirs) if not hasattr(ours, name)} == set()


def test_what_is_no_command_is_not_there() -> None:
    ours = kickstart_syntax.handler("F44")
    assert "nonsense" not in ours.commands and not hasattr(ours, "nonsense")
    with pytest.raises(KeyError):
        ours.resetCommand("nonsense")


def test_two_kickstarts_share_nothing() -> None:
    one, other = kickstart_syntax.handler("F44"), kickstart_syntax.handler("F44")
    _told(one, SAMPLES[1])
    assert "bash" not in _told(other, "") and other.lang.lang != "C.UTF-8"


def test_the_import_path_does_not_grow() -> None:
    kickstart_syntax.handler("F44")
    before = len(sys.path)
    kickstart_syntax.handler("F44")
    assert len(sys.path) == before
