# SPDX-License-Identifier: MIT
"""The console's reader on recorded texts."""

import pytest

from ondemand import locks
from ondemand_consumer import console

DIGEST = "ab" * 32
BLOCK = f"""
ONDEMAND-PROOF token=t1 begin
ONDEMAND-PROOF package ball-0:1-1.noarch {DIGEST}
ONDEMAND-PROOF package epic-2:3.4-5.fc44.x86_64 {"cd" * 32}
ONDEMAND-PROOF missing nothing
ONDEMAND-PROOF failed-unit sshd.service
ONDEMAND-PROOF state degraded
ONDEMAND-PROOF root overlay LiveOS_rootfs
ONDEMAND-PROOF token=t1 end
"""


def _said(*pieces: str) -> console.Console:
    said = console.Console(token="t1")
    for piece in pieces:
        said.feed(piece)
    return said


def _wanted(name: str = "ball", **changes: object) -> list[locks.LockedPackage]:
    lock = {"version": "1", "release": "1", "arch": "noarch", "epoch": 0, **changes}
    base = {"name": name, "origin": "side repository", "urls": (), "checksums": {}, "trust": "koji-digest"}
    return [locks.LockedPackage.model_validate(base | lock)]


def test_a_whole_block_is_understood() -> None:
    said = _said(BLOCK)
    assert said.blocks == 1
    assert said.packages == {"ball-1-1.noarch": DIGEST, "epic-2:3.4-5.fc44.x86_64": "cd" * 32}
    assert (said.state, said.failed_units, said.missing) == ("degraded", {"sshd.service"}, {"nothing"})
    assert said.root == "overlay LiveOS_rootfs"


def test_it_may_come_in_any_pieces() -> None:
    assert _said(*BLOCK).packages == _said(BLOCK).packages


def test_another_machines_token_proves_nothing() -> None:
    said = _said(BLOCK.replace("t1", "t2"))
    assert (said.blocks, said.packages) == (0, {})


def test_an_end_without_a_begin_is_no_block() -> None:
    assert _said("ONDEMAND-PROOF token=t1 end\n").blocks == 0


def test_a_damaged_first_block_is_mended_by_the_second() -> None:
    damaged = BLOCK.replace("package ball", "pack[   41.2] usb: new devi\nage ball")
    said = _said(damaged, BLOCK)
    assert not said.complaints(_wanted(), {"ball-1-1.noarch": DIGEST})


def test_the_right_package_has_no_complaint() -> None:
    assert _said(BLOCK).complaints(_wanted(), {"ball-1-1.noarch": DIGEST}) == []


def test_other_bytes_another_version_and_a_missing_package_are_complaints() -> None:
    said = _said(BLOCK)
    assert "other bytes" in said.complaints(_wanted(), {"ball-1-1.noarch": "00" * 32})[0]
    assert "was not named" in said.complaints(_wanted(version="2"), {"ball-2-1.noarch": DIGEST})[0]
    assert "is not installed" in said.complaints(_wanted("nothing"), {"nothing-1-1.noarch": DIGEST})[0]


@pytest.mark.parametrize(
    "line",
    [
        "[    4.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        "Entering emergency mode. Exit the shell to continue.",
        'You are in emergency mode. After logging in, type "journalctl -xb"',
        "dracut: FATAL: Don't know how to handle 'root=live:CDLABEL=X'",
        "[  190.2] dracut-initqueue[400]: Warning: Could not boot.",
        "grub rescue> ",
        "error: you need to load the kernel first.",
        "[   12.0] SQUASHFS error: Unable to read fragment cache entry [4f3a]",
    ],
)
def test_a_sign_of_failure_is_quoted(line: str) -> None:
    assert _said(f"{line}\n").failure == line.strip()


@pytest.mark.parametrize(
    "line",
    [
        "modprobe: FATAL: Module fuse not found in directory /lib/modules/6.1",
        "error: file `/boot/grub/locale/en.gmo' not found.",
        "[  OK  ] Reached target emergency.target notes",
        "[    0.0] Command line: root=live:CDLABEL=Demo panic=10",
    ],
)
def test_harmless_lines_are_no_failure(line: str) -> None:
    assert not _said(f"{line}\n").failure


def test_a_failure_after_the_proof_does_not_count() -> None:
    assert not _said(BLOCK, "Kernel panic - not syncing: Attempted to kill init!\n").failure


def test_a_login_prompt_needs_no_line_end() -> None:
    assert _said("\nDebian GNU/Linux 12 demo ttyS0\n\ndemo login: ").login
    assert not _said("Starting login service\n").login


@pytest.mark.parametrize(
    "line", ["Starting installer, one moment...", "anaconda 44.20-1.fc44 for Fedora 44 (pre-release) started."]
)
def test_an_installer_s_first_words_are_a_marker_too(line: str) -> None:
    assert _said(f"{line}\n").login
    assert not _said("[  OK  ] Started anaconda.service\n").login


def test_terminal_sequences_are_taken_out() -> None:
    text = "\x1b[?25l\x1b[2J\x1b[01;32m[  OK  ]\x1b[0m Started\r\n\x1b(Bx\x07"
    assert console.clean(text) == "[  OK  ] Started\nx"
    assert console.clean("\x1b]104\x07\x1b]104\x1b\\[    5.1] systemd") == "[    5.1] systemd"


@pytest.mark.parametrize(
    "line",
    [
        "[   31.89] systemd[1]: Reached target anaconda.target - Anaconda System Services.",
        "[   61.94] systemd[1]: Reached target multi-user.target - Multi-User System.",
        "Starting installer, one moment...",
        "anaconda 44.20-1.fc44 for Fedora 44 started.",
        "demo-installer: started, by kickstart hd:LABEL=Demo-7:/ks.cfg",
    ],
)
def test_an_installer_that_came_up_is_heard_where_no_login_prompt_is(line: str) -> None:
    assert _said(f"{line}\n").login and not _said("systemd[1]: Reached target sysinit.target.\n").login
