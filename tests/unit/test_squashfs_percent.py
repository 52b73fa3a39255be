# SPDX-License-Identifier: MIT
"""The stand-in for mksquashfs tells percentages while the tool runs, to its caller's own output, and ends as the tool does."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import textwrap

from ondemand_plugins.backends import kiwi, progress

TOOL = """\
import sys, time
print("Parallel mksquashfs: Using 2 processors", flush=True)
for percent in (0, 1, 2, 6, 50, 100):
    print(f"\\r[==     ] {percent}/100  {percent}%", end="", flush=True)
print("\\nExportable Squashfs 4.0 filesystem", *sys.argv[1:], flush=True)
sys.exit(int(sys.argv[1]))
"""
CALLER = """\
import subprocess, sys
done = subprocess.run(["mksquashfs", *sys.argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print("ended", done.returncode, repr(done.stdout), flush=True)
"""


def called(folder: pathlib.Path, *words: str) -> list[str]:
    """What a caller of the stand-in, which reads its output only at the end, has on its own output."""
    for name, text in (("real/mksquashfs", f"#!{sys.executable}\n{TOOL}"), ("stand/mksquashfs", _stand_in()), ("caller", CALLER)):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        path.chmod(0o755)
    environment = {"PATH": f"{folder / 'stand'}:{folder / 'real'}:/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, str(folder / "caller"), *words], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.splitlines()


def _stand_in() -> str:
    (text,) = (text for name, text in kiwi._programs().items() if name.endswith("/mksquashfs"))
    return text


def test_the_caller_s_own_output_has_the_percentages_by_steps_and_the_tool_s_words_come_at_its_end(tmp_path: pathlib.Path) -> None:
    *told, end = called(tmp_path, "0", "a b")
    assert [line.split()[-1] for line in told] == ["0%", "6%", "50%", "100%"]
    assert end.startswith("ended 0 ") and "Exportable Squashfs 4.0 filesystem 0 a b" in end and "%" not in end


def test_it_ends_as_the_tool_did(tmp_path: pathlib.Path) -> None:
    assert called(tmp_path, "3")[-1].startswith("ended 3 ")


def test_what_it_tells_is_what_the_table_of_progress_knows(tmp_path: pathlib.Path) -> None:
    told = called(tmp_path, "0")[2]
    texts = [line.text.format(**found.groupdict()) for line in progress.KIWI if (found := re.search(line.pattern, told))]
    assert texts == ["mksquashfs packs the root: 50 %"]


def test_without_the_tool_it_says_so(tmp_path: pathlib.Path) -> None:
    stand_in = tmp_path / "mksquashfs"
    stand_in.write_text(_stand_in())
    stand_in.chmod(0o755)
    done = subprocess.run([str(stand_in)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (1, "mksquashfs is not installed\n")
