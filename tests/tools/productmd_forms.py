# SPDX-License-Identifier: MIT
"""What productmd reads out of our `.treeinfo` and `.discinfo` and writes again, to tests/data: it is no dependency of ours.

`python -m tests.tools.productmd_forms`, where productmd is installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json

from ondemand_plugins.backends import media_files
from tests.tools import tree
from tests.unit.test_media_files import MEDIUM

FILE = tree.ROOT / "tests" / "data" / "productmd_forms.json"


def main() -> None:
    """Writes the file."""
    info = importlib.import_module("productmd.treeinfo").TreeInfo()
    info.loads(media_files.treeinfo(MEDIUM))
    disc = importlib.import_module("productmd.discinfo").DiscInfo()
    disc.loads(media_files.discinfo(MEDIUM))
    written = {
        "productmd": importlib.metadata.version("productmd"),
        "treeinfo": info.dumps(),
        "discinfo": {name: getattr(disc, name) for name in ("timestamp", "description", "arch", "disc_numbers")},
    }
    FILE.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
