# SPDX-License-Identifier: MIT
"""The options of lorax's programs are read by their own parsers, and kept by version as what came and went."""

from __future__ import annotations

from tests.tools import lorax_options

SOURCE = """
import argparse
from pylorax import DEFAULT_RELEASEVER, vernum

def lorax_parser(dracut_default=""):
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--product", required=True)
    parser.add_argument("outputdir")
    return parser

def lmc_parser(dracut_default=""):
    parser = argparse.ArgumentParser()
    parser.add_argument("--releasever", default=DEFAULT_RELEASEVER)
    return parser
"""


def test_a_parser_s_options_are_read_with_its_arguments() -> None:
    read = lorax_options.read(SOURCE)
    assert read["lorax"] == ["--help", "--product", "-h", "-p", "outputdir"]
    assert "--releasever" in read["livemedia-creator"]


def test_the_committed_table_begins_with_the_oldest_version_and_says_where_it_is_from() -> None:
    text = lorax_options.FILE.read_text("utf-8")
    assert next(iter(lorax_options.known())) == "40.0"
    assert '"40.0": {"commit": "c915f8e0fad6076b6f6193699e5ef9a3aa1c0061"' in text


def test_what_came_and_went_between_versions_is_read_back_as_it_was() -> None:
    known = lorax_options.known()
    having = [version for version in known if "--rootfs-type" in known[version]["lorax"]]
    assert (having[0], "40.6" in having, "41.1" in having, "41.2" in having) == ("40.5.6", False, False, True)
    assert all({"--source", "--nomacboot", "outputdir"} <= options["lorax"] for options in known.values())


def test_the_committed_file_is_written_as_the_script_writes_it() -> None:
    lines = lorax_options.FILE.read_text("utf-8").splitlines()
    found = {
        version: {"commit": line.partition('"commit": "')[2][:40], **{tool: sorted(names) for tool, names in known.items()}}
        for (version, known), line in zip(lorax_options.known().items(), lines[3:], strict=False)
    }
    assert lorax_options.text(found).splitlines() == lines
