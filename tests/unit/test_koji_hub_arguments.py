# SPDX-License-Identifier: MIT
"""The demo's hub takes what Koji's takes, by the names in tests/data that a script reads from Koji's source."""

from __future__ import annotations

import inspect
import pathlib

import pytest

from demo import koji_hub
from tests.tools import koji_hub_arguments

KNOWN = koji_hub_arguments.known()
DEMO = {name: call for name, call in inspect.getmembers(koji_hub.Hub, inspect.isfunction) if not name.startswith("_")}
SOURCE = '''
def get_thing(thing, strict=False):
    """Text."""

class RootExports(object):
    getThing = staticmethod(get_thing)
    elsewhere = staticmethod(other.thing)
    number = 1

    def find(self, name, *, most=1, **more):
        pass

    @staticmethod
    def hello(*args, who="you"):
        pass

    def _hidden(self):
        pass

class HostExports(object):
    def getHost(self):
        pass
'''


def names(call: inspect.Signature) -> tuple[list[str], list[str]]:
    """The required and the optional names of a call, in their order."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    held = [each for each in call.parameters.values() if each.kind in kinds and each.name != "self"]
    bare = [each.name for each in held if each.default is inspect.Parameter.empty]
    return bare, [each.name for each in held if each.name not in bare]


@pytest.mark.parametrize("name", DEMO)
def test_the_demo_s_call_has_the_hub_s_arguments_in_their_order(name: str) -> None:
    required, optional = names(inspect.signature(DEMO[name]))
    assert required == KNOWN[name]["required"]
    # What the demo lacks is at the end, so that a place means the same to both.
    assert optional == KNOWN[name]["optional"][: len(optional)]


def test_the_demo_s_hub_says_the_version_that_the_names_are_of(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "koji.json").write_text("{}")
    assert koji_hub.Hub(tmp_path).getKojiVersion() == koji_hub_arguments.version()


def test_only_the_hub_s_public_calls_are_read() -> None:
    assert koji_hub_arguments.read(SOURCE) == {
        "find": {"required": ["name"], "optional": ["most"], "anything": True},
        "getThing": {"required": ["thing"], "optional": ["strict"]},
        "hello": {"required": [], "optional": ["who"]},
    }


def test_what_is_read_is_what_python_says_of_it() -> None:
    signature = koji_hub_arguments.signature(KNOWN["getBuild"])
    signature.bind("bash-5.3-1", strict=True)
    for arguments, keywords in (((), {}), (("a", True, 1), {}), (("a",), {"strictly": True})):
        with pytest.raises(TypeError):
            signature.bind(*arguments, **keywords)
    koji_hub_arguments.signature(KNOWN["getFullInheritance"]).bind(1, stops={})


def test_the_committed_file_is_written_as_the_script_writes_it() -> None:
    committed = koji_hub_arguments.FILE.read_text(encoding="utf-8")
    assert committed == koji_hub_arguments.text(KNOWN, koji_hub_arguments.version())
