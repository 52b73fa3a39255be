# SPDX-License-Identifier: MIT
"""The options of livecd-creator by version: `python -m tests.tools.livecd_options CLONE` writes tests/data/livecd_options.json.

CLONE is a git repository of livecd-tools. Each version's own parser is asked, so that nothing of its source is kept here.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from ondemand_plugins.backends import livecd_version
from tests.tools import livecd_launcher

FILE = pathlib.Path(__file__).parents[1] / "data" / "livecd_options.json"
VERSIONS = {name: f"livecd-tools-{name}" for name in ("28.0", "28.3", "29.0", "30.0", "31.0")}
"""Versions and their tags; beside them the newest commit, which calls itself 31.0, too."""
# Inside: the tool's own main, up to where its parser would read the command line.
_ASK = """
import json, optparse, runpy, sys

def tell(parser, *_):
    options = list(parser.option_list)
    for group in parser.option_groups:
        options += group.option_list
    print(json.dumps({
        name: {"takes": option.type if option.takes_value() else None, "choices": option.choices}
        for option in options for name in option._long_opts
    }))
    sys.exit()

optparse.OptionParser.parse_args = tell
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def options(source: pathlib.Path, work: pathlib.Path) -> dict[str, Any]:
    """What the parser of the source tree knows, by long name; its own modules are taken."""
    programs = livecd_launcher.make(source, work)
    library = next((programs.parent / "nss").rglob("libnss_sss.so.2"))
    # 29.0 as it was released finds its own modules only so: it can not be started otherwise.
    path = [str(source), str(source / "imgcreate"), str(programs.parent / "python")]
    text = f"import ctypes, sys; ctypes.CDLL({str(library)!r}); sys.path[:0] = {path!r}\n{_ASK}"
    argv = (livecd_launcher.PYTHON, "-c", text, str(source / "tools" / "livecd-creator"))
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return dict(sorted(found.items()))


def main(clone: str) -> None:
    """Writes the file."""
    newest = ".".join(map(str, livecd_version.AFTER_31))
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for version, name in {**VERSIONS, newest: "HEAD"}.items():
            source = work / version
            _git(clone, "worktree", "add", "--quiet", "--detach", str(source), name)
            commit = _git(clone, "rev-parse", f"{name}^{{commit}}")
            told[version] = {"commit": commit, "options": options(source, work / "tool")}
            _git(clone, "worktree", "remove", str(source))
    FILE.write_text(json.dumps(told, indent=1) + "\n")


def _git(clone: str, *argv: str) -> str:
    done = subprocess.run(("git", "-C", clone, *argv), capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])
