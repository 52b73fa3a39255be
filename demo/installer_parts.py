# SPDX-License-Identifier: MIT
"""The packages that lorax asks a distribution for, beside those of any system. No Anaconda is among them.

Their names are Fedora's; what they hold says that it stands for something else.
"""

from __future__ import annotations

import pathlib

from demo import originals

_MODULE = "/usr/lib/dracut/modules.d/80anaconda/module-setup.sh"
_NOTE = "This package stands where Fedora has Anaconda's: lorax makes no installer runtime without it.\n"
_LOGOS = "The demo distribution has no logos; lorax takes the package that is named so.\n"


def sources() -> list[originals.Source]:
    """Return the source packages that an installer's runtime is made of."""
    here = pathlib.Path(__file__).parent / "files"
    core = originals.Original(
        name="anaconda-core",
        summary="Stands for Anaconda in an installer's runtime; installs nothing",
        files={
            "/usr/share/ondemand/anaconda-core/README": _NOTE,
            _MODULE: (here / "anaconda-setup.sh").read_text(),
        },
        modes={_MODULE: 0o755},
        requires=("dracut", "dracut-live", "dracut-network"),
        noarch=False,
    )
    logos = originals.Original(
        name="demo-logos",
        summary="Stands for the logos of a distribution",
        files={"/usr/share/ondemand/demo-logos/README": _LOGOS},
    )
    return [originals.Source(version="1", packages=(package,)) for package in (core, logos)]
