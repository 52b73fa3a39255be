# SPDX-License-Identifier: MIT
"""Digests of RPMs made by rpmbuild, against what rpm itself says."""

import pathlib

import pytest

from ondemand import errors
from ondemand_consumer import rpm_headers
from tests import builder_parts


def _said(rpm: pathlib.Path, tag: str) -> str:
    return builder_parts.run("rpm", "-qp", "--nosignature", "--qf", f"%{{{tag}}}", str(rpm))


def test_header_digest_is_the_one_that_rpm_names(tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    assert rpm_headers.digests(rpm)["header-sha256"] == _said(rpm, "SHA256HEADER")


def test_sigmd5_is_the_one_that_rpm_names(tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    assert rpm_headers.digests(rpm)["sigmd5"] == _said(rpm, "SIGMD5")


def test_the_whole_file_s_digest_is_sha256sum_s_and_md5_is_left_out_unless_asked_for(tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path, size=3_000_000)
    found = rpm_headers.digests(rpm, sigmd5=False)
    assert found["sha256"] == builder_parts.run("sha256sum", str(rpm)).split()[0]
    assert set(found) == {"sha256", "header-sha256"}


def test_signing_changes_neither(tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    before = rpm_headers.digests(rpm)
    builder_parts.make_key(tmp_path / "gpg", "demo")
    builder_parts.sign(rpm, tmp_path / "gpg", "demo")
    after = rpm_headers.digests(rpm)
    assert after.pop("sha256") != before.pop("sha256")
    assert after == before


@pytest.mark.parametrize("cut", [0, 50, 100, 300])
def test_a_file_cut_short_is_no_rpm(tmp_path: pathlib.Path, cut: int) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    rpm.write_bytes(rpm.read_bytes()[:cut])
    with pytest.raises(errors.WrongDigest, match="is no RPM"):
        rpm_headers.digests(rpm)


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    data = bytearray(rpm.read_bytes())
    data[108:112] = b"\xff\xff\xff\xff"
    rpm.write_bytes(data)
    with pytest.raises(errors.WrongDigest, match="larger than RPM allows"):
        rpm_headers.digests(rpm)
