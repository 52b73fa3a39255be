# SPDX-License-Identifier: MIT
"""Prints the version of the livecd-creator on PATH, which does not tell it itself. Run as a program by a builder.

Its package knows, or a launcher that knows `--version`; sources after 31.0 still say 31.0, so their options tell.
"""

from __future__ import annotations

import os
import shutil
import subprocess

AFTER_31 = (31, 0, 19)
"""What 31.0 counts as when it has the options of the 19 changes after it, which distributions ship as 31.0, too."""
_SIGN = "--syslinux"
"""The option that came with the last of those changes."""
_TIMEOUT = 50
_ELSEWHERE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main() -> None:
    """Prints it; ends with a sentence on standard error where it can't be known."""
    path = shutil.which("livecd-creator", path=f"{os.environ.get('PATH', '')}:{_ELSEWHERE}")
    if path is None:
        raise SystemExit("livecd-creator is not on PATH")
    status, said = _asked("rpm", "--query", "--queryformat", "%{VERSION}\\n", "--file", path)
    if status:
        status, said = _asked(path, "--version")
    if status:
        raise SystemExit("neither RPM's database nor livecd-creator itself knows its version")
    version = said.split()[-1]
    if version == "31.0" and _SIGN in _asked(path, "--help")[1]:
        version = ".".join(map(str, AFTER_31))
    print(f"livecd-tools {version}")


def _asked(*argv: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"{argv[0]} can't be asked: {error}") from error
    return done.returncode, done.stdout


if __name__ == "__main__":
    main()
