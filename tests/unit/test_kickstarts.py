# SPDX-License-Identifier: MIT
"""Kickstarts: malformed ones are refused by line, edits lie on top."""

from __future__ import annotations

import contextlib
import pathlib
import random
import time

import pytest

from ondemand import build_requests, errors, kickstarts, locks

pytestmark = pytest.mark.filterwarnings("ignore::pykickstart.errors.KickstartWarning")
GOOD = "lang C.UTF-8\ntimezone UTC\n%packages\n@core\nbash\n-vim\n%end\n%post\ntouch /x\n%end\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lang C\nfrobnicate\n", "line 2"),
        ("%packages\nbash\n", "line"),
        ("%include /etc/passwd\n", "line 1"),
        ("%packages\n%include /etc/passwd\n%end\n", "line 2"),
        ("%ksappend http://x\n", "line 1"),
        ("%pre\nid\n%end\n", "no %post"),
        ("%post --nochroot\nid\n%end\n", "nochroot"),
        ('rootpw "x\n', "quotation"),
        ("%surprise\n%end\n", "line 1"),
    ],
)
def test_what_can_not_be_used_is_refused_with_its_place(text: str, line: str) -> None:
    with pytest.raises(errors.KickstartInvalid, match=line):
        kickstarts.parse(text, "F44")


def test_what_a_tool_needs_is_read() -> None:
    read = kickstarts.parse(GOOD, "F44")
    assert (read.packages, read.excluded, read.groups) == (("bash",), ("vim",), ("core",))
    assert read.own_code


def test_edits_lie_on_top() -> None:
    request = build_requests.validate(
        {"release": "demo", "add_packages": ["zsh"], "remove_packages": ["bash"], "add_groups": ["live"]}
    )
    read = kickstarts.edited(GOOD, request, "F44")
    assert (read.packages, read.excluded, read.groups) == (("zsh",), ("bash", "vim"), ("core", "live"))


def test_an_addon_section_is_kept() -> None:
    assert "%addon org_x" in kickstarts.parse("%addon org_x\n%end\n", "F44").text


def test_the_frozen_repository_is_the_only_one() -> None:
    frozen = [{"name": "frozen", "baseurl": "file:///r"}]
    text = kickstarts.with_repositories("url --url=http://x\nrepo --name=x --baseurl=http://x\n", "F44", frozen)
    assert "http://x" not in text
    assert 'repo --name="frozen" --baseurl=file:///r' in text and 'url --url="file:///r"' in text


def test_ten_thousand_packages_are_read_at_once() -> None:
    began = time.monotonic()
    names = [f"package-{number}" for number in range(10_000)]
    read = kickstarts.parse("\n".join(["%packages", *names, *(f"-{name}" for name in names[:9]), "%end\n"]), "F44")
    assert (len(read.packages), read.excluded) == (9_991, tuple(names[:9]))
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#" * 5_000_000, "5000000 characters"),
        ("lang C\n\0\n", r"line 2 holds the control character U\+0000"),
        ("repo --name=x --baseurl=http://x\n" * 15_000, "line 1001 can't be read"),
        ("%packages\n" + "@core\n" * 80_000 + "%end\n", "line 1 can't be read"),
        ("%packages\n-\n%end\n", "line 1 can't be read"),
        ("%packages\n@\n%end\n", "line 1 can't be read"),
        ("lang C \\\n" * 30_000, "can't be read"),
        ("lang " + "'" * 100_001 + "\n", "can't be read"),
    ],
    ids=lambda text: text[:12] if len(text) < 60 else f"{len(text)} characters",
)
def test_what_would_take_long_or_is_no_text_is_refused_at_once(text: str, said: str) -> None:
    began = time.monotonic()
    with pytest.raises(errors.KickstartInvalid, match=said):
        kickstarts.parse(text, "F44")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_written_is_read_or_refused_in_words(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [*GOOD.splitlines(), "%end", "%packages", "-@", "@^", "-@^x", "repo", "url --url", "@ --optional", "%", "\\", "'", "{}"]
    text = "\n".join(" ".join(chance.choices(pieces, k=chance.randint(1, 2))) for _ in range(chance.randint(1, 12)))
    with contextlib.suppress(errors.KickstartInvalid):
        read = kickstarts.parse(text, "F44")
        assert kickstarts.parse(read.text, "F44").packages == read.packages


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("repo --name=fedora", False),
        ("url --url=https://dl.example/44/os", False),
        ("repo --name=a --baseurl https://dl.example/44/os/", False),
        ("url --url=https://dl.example/44/os.evil.example", True),
        ("repo --name=a --mirrorlist=https://mirrors.example/?repo=x", True),
        ("repo --name=a --base=https://evil.example/", True),
        ("repo --name=a --baseurl=https://dl.example/44/os/../../../evil", True),
        ("repo --name=a --baseurl=https://dl.example/44/os --proxy=http://evil.example", True),
        ("liveimg --url=https://dl.example/44/os/x.img", True),
        ("nfs --server=a --dir=/b", True),
        ("cdrom", False),
    ],
)
def test_a_place_that_is_not_the_releases_own_is_foreign(line: str, foreign: bool) -> None:
    places = kickstarts.parse(f"lang C\n{line}\n", "F44").foreign(["https://dl.example/44/os"])
    assert [place.line for place in places] == [2] * foreign


def test_a_preset_includes_files_of_its_own_folder(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.ks").write_text("lang C\n%include b.ks\n%include b.ks\ntimezone UTC\n")
    (tmp_path / "b.ks").write_text("keyboard us")
    assert kickstarts.flattened(tmp_path / "a.ks") == "lang C\nkeyboard us\nkeyboard us\ntimezone UTC\n"


@pytest.mark.parametrize("name", ["../secret.ks", "/etc/passwd", "a.ks", "absent.ks", "link.ks", "", "..", "b.ks c.ks"])
def test_a_preset_includes_nothing_else(tmp_path: pathlib.Path, name: str) -> None:
    (tmp_path / "secret.ks").write_text("secret")
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "link.ks").symlink_to(tmp_path / "secret.ks")
    (folder / "a.ks").write_text(f"lang C\n%include {name}\n")
    with pytest.raises(errors.KickstartInvalid, match=r"line 2 of preset file a\.ks"):
        kickstarts.flattened(folder / "a.ks")


def test_a_text_that_was_read_before_is_edited_anew() -> None:
    text = "lang C\n%packages\nbash\n@core\n%end\n%post\necho\n%end\n%certificate --dir=/etc --filename=a\nx\n%end\n"
    requests = [
        build_requests.BuildRequest(release="demo", add_packages=("one",), remove_groups=("core",)),
        build_requests.BuildRequest(release="demo", remove_packages=("bash",), add_groups=("live",)),
        build_requests.BuildRequest(release="demo"),
    ]
    texts = [kickstarts.edited(text, request, "RHEL10").text for request in requests]
    assert [kickstarts.edited(text, request, "RHEL10").text for request in reversed(requests)] == texts[::-1]
    assert all(kickstarts.parse(found, "RHEL10").text == found for found in texts)
    assert texts[2] == kickstarts.parse(text, "RHEL10").text and "one" in texts[0] and "\n@core" not in texts[0]


def test_the_options_of_packages_are_rules_and_stay_in_the_edited_text() -> None:
    options = "--exclude-weakdeps --multilib --inst-langs=pt_BR:de --excludedocs"
    request = build_requests.BuildRequest(release="demo", add_packages=("one",), remove_packages=("two",))
    found = kickstarts.edited(f"%packages {options}\nbash\n%end\n", request, "F44")
    assert found.rules == locks.Rules(
        weak_dependencies=False,
        multilib=locks.Multilib.ALL,
        excluded=("two",),
        languages=("de", "pt_BR"),
        documentation=False,
    )
    assert kickstarts.parse(found.text, "F44").rules == found.rules


def test_without_options_all_is_installed_as_an_installation_would() -> None:
    assert kickstarts.parse(GOOD, "F44").rules == locks.Rules(weak_dependencies=True, excluded=("vim",))
    assert kickstarts.parse("%packages --inst-langs=\n%end\n", "F44").rules.languages == ()


@pytest.mark.parametrize("value", ["%{lua:os.exit()}", "de,en", "a/b"])
def test_a_language_is_a_name_since_it_goes_into_a_macro(value: str) -> None:
    with pytest.raises(errors.KickstartInvalid, match="--inst-langs"):
        kickstarts.parse(f"%packages --inst-langs={value}\n%end\n", "F44")
