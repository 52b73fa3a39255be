# SPDX-License-Identifier: MIT
"""A kiwi description travels whole, within bounds, and the same files always have the same digest."""

from __future__ import annotations

import io
import pathlib
import tarfile

import pydantic
import pytest

from ondemand import build_requests, descriptions, errors
from ondemand.commands import options
from tests import preset_parts as parts


def test_all_files_travel_with_their_modes_and_nothing_that_begins_with_a_dot(tmp_path: pathlib.Path) -> None:
    source = parts.changed(tmp_path)
    (source / ".git").mkdir()
    (source / ".git" / "HEAD").write_text("x")
    (source / "root" / ".hidden").write_bytes(b"\x00\xff")
    found = parts.description(source)
    assert found.content("root/.hidden") == b"\x00\xff" and ".git/HEAD" not in found.files
    assert found.executable == ("config.sh",) and "components/live.xml" in found.files


def test_the_digest_is_of_files_main_file_and_profile(tmp_path: pathlib.Path) -> None:
    one, copied = parts.description(), parts.description(parts.changed(tmp_path / "a"))
    assert one.digest() == copied.digest()
    other = parts.description(parts.changed(tmp_path / "b", welcome_txt="Hello.\n"))
    assert len({one.digest(), other.digest(), parts.description(profile="Console-Disk").digest()}) == 3


def test_a_link_within_counts_as_its_file_and_one_that_leads_out_is_refused(tmp_path: pathlib.Path) -> None:
    source = parts.changed(tmp_path)
    (source / "repositories" / "main.xml").symlink_to("core.xml")
    found = parts.description(source)
    assert found.content("repositories/main.xml") == found.content("repositories/core.xml")
    (source / "root" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(errors.InvalidRequest, match="root/passwd is a link out of it"):
        parts.description(source)


def test_too_much_is_refused(tmp_path: pathlib.Path) -> None:
    source = parts.changed(tmp_path)
    with (source / "root" / "large").open("wb") as file:
        file.truncate(descriptions.LIMIT)
    with pytest.raises(errors.InvalidRequest, match="more than 5000000 bytes or 1000 files"):
        parts.description(source)


@pytest.mark.parametrize(("main", "said"), [("Other.kiwi", "«Other.kiwi» is not in it"), (None, "nothing says which")])
def test_a_main_file_that_is_not_known_is_refused(tmp_path: pathlib.Path, main: str | None, said: str) -> None:
    source = parts.changed(tmp_path, Second_kiwi="<image/>")
    with pytest.raises(errors.InvalidRequest, match=said):
        descriptions.read(source, main, None)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a//b", "a\n"])
def test_a_path_that_leads_elsewhere_is_no_path_of_a_description(path: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        descriptions.Description(main="a.kiwi", files={path: ""})


def test_its_archive_has_every_file_and_is_always_the_same() -> None:
    found = parts.description()
    assert found.archive() == parts.description().archive()
    with tarfile.open(fileobj=io.BytesIO(found.archive())) as archive:
        assert {member.name for member in archive} == {f"description/{path}" for path in found.files}
        assert archive.getmember("description/config.sh").mode == 0o755


def test_a_file_that_changes_changes_the_stamp(tmp_path: pathlib.Path) -> None:
    source = parts.changed(tmp_path)
    before = descriptions.stamp(source)
    assert descriptions.stamp(source) == before
    (source / "teams" / "new.xml").write_text("<image/>")
    assert descriptions.stamp(source) != before


def test_the_command_line_sends_a_folder_as_texts_and_says_what_can_not_go(tmp_path: pathlib.Path) -> None:
    source = parts.changed(tmp_path)
    sent = options.description(str(source), "Console-Live")
    request = build_requests.validate({"release": "demo", **sent})
    assert request.description and request.description.described() == parts.description(source)
    assert options.description("", "") == {}
    (source / "logo.png").write_bytes(b"\xff\xd8")
    with pytest.raises(errors.InvalidRequest, match="can't be sent, because a file of it is no text"):
        options.description(str(source), "")
