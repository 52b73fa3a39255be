# SPDX-License-Identifier: MIT
"""The demo's small installer reads boot lines and kickstarts, and its package holds all its modules."""

from __future__ import annotations

import pathlib

import pytest

from demo import installer_package, repositories
from demo.installer import boot_words, kickstarts, media, programs, transactions

KICKSTART = """# comment
lang en_US.UTF-8
keyboard --vckeymap=us
rootpw --plaintext 'a b'
harddrive --partition=LABEL=TREE --dir=/os
repo --name=side --baseurl=file:///run/install/repo/side --excludepkgs=a,b
bootloader --location=mbr --append="console=ttyS0 quiet"
clearpart --all
firewall --enabled
%packages --ignoremissing
@core  # the group
@^demo-live-environment
ondemand-hello
-ondemand-tools
%end
%pre
true
%end
%post --nochroot --erroronfail --interpreter=/bin/bash
echo '%end is on its own line'
%end
reboot
"""
SIDE = kickstarts.Repository("side", "file:///run/install/repo/side", ("a", "b"))


def test_the_boot_line_names_kickstart_repositories_and_consoles() -> None:
    line = "inst.stage2=hd:LABEL=Demo inst.ks=hd:LABEL=Demo:/ks.cfg inst.addrepo=a,file:///x inst.addrepo=b,hd:sdb1:/y"
    words = boot_words.read(line + " console=tty0 console=ttyS0 quiet\n")
    assert (words.stage2, words.kickstart) == ("hd:LABEL=Demo", "hd:LABEL=Demo:/ks.cfg")
    assert words.additional == (("a", "file:///x"), ("b", "hd:sdb1:/y"))
    assert words.consoles == ("console=tty0", "console=ttyS0") and not words.repository
    assert boot_words.read("inst.rescue").rescue and not words.rescue


def test_a_kickstart_s_known_lines_are_read() -> None:
    found = kickstarts.read(KICKSTART)
    assert (found.source, found.repositories) == ("hd:LABEL=TREE:/os", [SIDE])
    assert found.packages == ["@core", "@demo-live-environment", "ondemand-hello"]
    assert found.excluded == ["ondemand-tools"]
    assert (found.password, found.encrypted, found.keyboard) == ("a b", False, "us")
    assert (found.kernel_options, found.end) == ("console=ttyS0 quiet", "reboot")


def test_a_post_script_keeps_its_text_and_its_manner() -> None:
    (script,) = kickstarts.read(KICKSTART).scripts
    assert script.text == "echo '%end is on its own line'\n"
    assert (script.interpreter, script.chroot, script.must_succeed) == ("/bin/bash", False, True)


def test_what_a_kickstart_orders_in_vain_is_listed() -> None:
    found = kickstarts.read("%include /tmp/more.ks\n" + KICKSTART + "user --name='open\n")
    named = ["%include /tmp/more.ks", "clearpart --all", "firewall --enabled", "%pre", "user --name='open"]
    assert found.unknown == named


def test_a_locked_root_account_has_no_password() -> None:
    assert kickstarts.read("rootpw --lock secret\n").password == ""
    assert kickstarts.read("rootpw --iscrypted $6$a$b\n").encrypted


@pytest.mark.parametrize("place", ["https://example.org/os", "nfs:host:/os", "hd::/ks.cfg"])
def test_a_place_on_the_network_is_refused(place: str) -> None:
    with pytest.raises(programs.Problem, match="has no network"):
        media.Media("").path(place)


def test_an_address_is_looked_up_on_the_disc_that_stands_for_servers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "by_label", lambda label: tmp_path)
    monkeypatch.setattr(media.Media, "_mount", lambda _, name: pathlib.Path("/mounted") / name)
    found = media.Media("").path("http://127.0.0.1:5000/repositories/main")
    assert found == pathlib.Path("/mounted/LABEL=MIRROR/repositories/main")


def test_a_file_s_place_is_its_path() -> None:
    assert media.Media("").path("file:///run/install/repo") == pathlib.Path("/run/install/repo")


def test_the_package_holds_every_module_of_the_installer() -> None:
    (package,) = installer_package.source().packages
    held = {path.rsplit("/", 1)[1] for path in package.files if "/demo/installer/" in path}
    assert held == {path.name for path in installer_package.modules()} and "__main__.py" in held


def test_what_the_installer_adds_is_a_group_of_the_repository() -> None:
    assert tuple(repositories.GROUPS["anaconda-tools"][1]) == transactions.BOOT_PACKAGES
