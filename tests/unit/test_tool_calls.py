# SPDX-License-Identifier: MIT
"""How tools are called, read from the source of the product, the demo and the example backend."""

from __future__ import annotations

import re

from tests.tools import tree

_XORRISO = re.compile(r'"xorriso",\s*"(-[^"]*)"')


def test_xorriso_reads_no_startup_file_of_the_machine() -> None:
    found = [
        (str(file), word)
        for file in tree.python()
        if not file.is_relative_to(tree.ROOT / "tests")
        for word in _XORRISO.findall(file.read_text("utf-8"))
    ]
    assert len(found) > 8 and {word for _, word in found} == {"-no_rc"}, found
