# SPDX-License-Identifier: MIT
"""A tool's kickstart names exactly the packages it is given; what its author said of the system stays."""

from __future__ import annotations

import pytest

from ondemand import errors, kickstarts, tool_kickstarts

SYNTAX = "F40"
"""The last in which `module` does something."""
OWN = """\
lang de_DE.UTF-8
autopart
bootloader --timeout=7 --append="quiet console=tty0"
module --name=nodejs --stream=20
url --url=https://elsewhere.example/
%packages --ignoremissing --inst-langs=de --exclude-weakdeps
@core
@^desktop
-@games
-nano
vim
%end
"""


def exact(text: str = OWN, **changes: object) -> str:
    values = {"kernel_arguments": ("console=tty0", "ro"), "root_size": 4096, "menu_timeout": 1, **changes}
    return tool_kickstarts.exact(text, SYNTAX, ["vim", "bash.i686"], **values)  # type: ignore[arg-type]


def test_the_packages_are_the_given_ones_and_no_other_source_is_left() -> None:
    text = exact()
    found = kickstarts.parse(text, SYNTAX)
    assert (found.packages, found.groups, found.excluded, found.environment) == (("bash.i686", "vim"), (), (), None)
    assert not found.core and not found.rules.weak_dependencies and not found.places
    assert "--ignoremissing" not in text and found.rules.languages == ("de",)


def test_commands_that_a_frozen_repository_can_not_serve_are_gone() -> None:
    commands = kickstarts.parse(exact(), SYNTAX).commands
    assert not {"url", "module", "autopart"} & set(commands)


def test_its_own_boot_arguments_and_time_stay() -> None:
    assert '--append="quiet console=tty0 ro"' in (text := exact())
    assert "--timeout=7" in text and "--timeout=1" in exact("lang C\n")


def test_the_root_is_large_enough_and_never_made_smaller() -> None:
    small, large = (exact(f"part / --size={size} --fstype=ext4\n") for size in (100, 9000))
    assert "--size=4096" in small and "--size=9000" in large and "--size=4096" in exact("lang C\n")


def test_the_kickstart_s_own_faults_are_named() -> None:
    with pytest.raises(errors.KickstartInvalid, match="line 1"):
        exact("langg C\n")
