# SPDX-License-Identifier: MIT
"""Makes a source tree of lorax runnable where it is not installed: programs of its own names that start it from there.

`python -m tests.tools.lorax_source SOURCE FOLDER`, then FOLDER first on PATH. Writes nothing into the source tree.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys

VARIABLE = "ONDEMAND_LORAX"
"""The environment's variable that names a source tree."""
PROGRAMS = ("lorax", "livemedia-creator")
_VERSION = re.compile(r"^Version:\s*(\S+)\s*\nRelease:\s*([^%\s]+)", re.MULTILINE)
_VERSION_FILE = "pylorax_version.py"
_LAUNCHER = """\
#!/usr/bin/python3 -B
# Starts {name} out of its source tree, with the version that its spec file names.
import importlib.util
import runpy
import sys


class Version:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, {version!r}) if name == "pylorax.version" else None


sys.meta_path.insert(0, Version)
sys.path.insert(0, {source!r})
runpy.run_path({program!r}, run_name="__main__")
"""


def version(source: pathlib.Path) -> str:
    """Version and release as its spec file names them; raises ValueError where that is none of lorax."""
    found = _VERSION.search((source / "lorax.spec").read_text("utf-8"))
    if found is None:
        raise ValueError(f"{source / 'lorax.spec'} names no version")
    return f"{found[1]}-{found[2]}"


def write(source: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes the launchers of PROGRAMS into `folder`."""
    source, folder = source.resolve(), folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / _VERSION_FILE
    known.write_text(f"num = {version(source)!r}\n", "utf-8")
    for name in PROGRAMS:
        places = (source / "src" / part / name for part in ("sbin", "bin"))
        program = next(place for place in places if place.is_file())
        text = _LAUNCHER.format(name=name, source=str(source / "src"), version=str(known), program=str(program))
        launcher = folder / name
        launcher.write_text(text, "utf-8")
        launcher.chmod(0o755)


def named() -> pathlib.Path | None:
    """The source tree that the environment names, None without."""
    path = os.environ.get(VARIABLE)
    return pathlib.Path(path) if path else None


def main() -> int:
    """Command line: the source tree and the folder for the launchers."""
    parser = argparse.ArgumentParser(description="Write programs that start lorax out of its source tree.")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    write(options.source, options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
