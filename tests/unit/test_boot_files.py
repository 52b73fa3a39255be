# SPDX-License-Identifier: MIT
"""Boot configurations of installer ISOs: one label everywhere, further words where the installer starts, nowhere else."""

from __future__ import annotations

import pathlib

import pytest

from ondemand import proofs
from ondemand_plugins.backends import boot_files
from tests import boot_iso_parts, builder_parts

KICKSTART = "inst.ks=hd:LABEL=New-7:/ks.cfg"
SPOKEN = ("console=ttyS0", "loglevel=7")
GRUB = boot_iso_parts.GRUB.format(label="Old-1")
ISOLINUX = boot_iso_parts.ISOLINUX.format(label="Old-1")


@pytest.mark.parametrize("text", [GRUB, ISOLINUX])
def test_the_new_label_stands_everywhere_and_the_old_one_nowhere(text: str) -> None:
    made = boot_files.edited(text, "New-7", [KICKSTART])
    assert boot_files.labels(text) == {"Old-1"} and boot_files.labels(made) == {"New-7"}
    assert "Old-1" not in made and made.count("\n") == text.count("\n")


@pytest.mark.parametrize(("text", "starts"), [(GRUB, 2), (ISOLINUX, 1)])
def test_the_words_stand_where_an_installation_starts_and_not_at_the_rescue(text: str, starts: int) -> None:
    made = boot_files.edited(text, "New-7", ["console=ttyS0", KICKSTART])
    assert made.count(KICKSTART) == starts and made.count("console=ttyS0") == starts + 1
    (rescue,) = [line for line in made.splitlines() if "inst.rescue" in line]
    assert "inst.ks" not in rescue


def test_an_older_kickstart_goes_and_nothing_comes_twice() -> None:
    once = boot_files.edited(GRUB, "New-7", ["inst.ks=cdrom:/old.cfg", "quiet"])
    made = boot_files.edited(once, "New-7", [KICKSTART, "quiet"])
    assert "old.cfg" not in made and made.count(KICKSTART) == 2
    assert all(line.split().count("quiet") <= 1 for line in made.splitlines())


@pytest.mark.parametrize(
    ("line", "made"),
    [
        (r"linux /v inst.stage2=hd:LABEL=Fedora\x2042 root=live:CDLABEL=Old", "linux /v inst.stage2=hd:LABEL=N root=live:CDLABEL=N"),
        ("search --no-floppy --set=root -l 'Fedora 42'", "search --no-floppy --set=root -l 'N'"),
        ('search --label "Old One" --set root', 'search --label "N" --set root'),
        ("search --no-floppy --set=root --label Old", "search --no-floppy --set=root --label N"),
        ("search --file --set=root /.disk", "search --file --set=root /.disk"),
        ("  linux /vmlinuz root=UUID=1234", "  linux /vmlinuz root=UUID=1234"),
        ("linuxefi /v inst.stage2=hd:LABEL=A:/b quiet", "linuxefi /v inst.stage2=hd:LABEL=N:/b quiet"),
    ],
)
def test_labels_are_found_however_they_are_written(line: str, made: str) -> None:
    assert boot_files.edited(line, "N", []) == f"{made}\n"


def test_a_configuration_that_starts_no_installer_is_told_apart() -> None:
    assert boot_files.starts_installer(GRUB) and boot_files.starts_installer(ISOLINUX)
    assert not boot_files.starts_installer("linux /vmlinuz root=live:CDLABEL=Live rd.live.image\n# inst.stage2=\n")


def test_grub_has_the_kernel_speak_only_where_the_boot_proof_listens() -> None:
    made = boot_files.edited(GRUB, "New-7", [KICKSTART], SPOKEN)
    head, _, rest = made.partition("fi # ondemand\n")
    assert all(word in head for word in SPOKEN) and f"-e (hd1)/{proofs.LISTENER} ]; then" in head
    assert not any(word in rest for word in SPOKEN) and rest.count(f"{KICKSTART} $ondemand_words\n") == 2
    assert boot_files.labels(made) == {"New-7"} and boot_files.edited(made, "New-7", [KICKSTART], SPOKEN) == made


def test_grub_takes_it(tmp_path: pathlib.Path) -> None:
    builder_parts.need("grub-script-check")
    (tmp_path / "grub.cfg").write_text(boot_files.edited(GRUB, "New-7", [KICKSTART], SPOKEN))
    builder_parts.run("grub-script-check", str(tmp_path / "grub.cfg"))


def test_isolinux_can_t_look_for_a_disk_and_always_speaks() -> None:
    made = boot_files.edited(ISOLINUX, "New-7", [KICKSTART], SPOKEN)
    assert made.count(f"{KICKSTART} {' '.join(SPOKEN)}\n") == 1 and "ondemand" not in made
