# SPDX-License-Identifier: MIT
"""Settings: every key documented, unknown keys refused, the environment before the file."""

from __future__ import annotations

import pathlib

import pydantic_settings
import pytest

from ondemand import errors, settings

DOCUMENT = (pathlib.Path(__file__).parents[2] / "docs" / "settings.md").read_text()
SECTIONS = {name: field.annotation for name, field in settings.Settings.model_fields.items()}
KEYS = [(name, key) for name, cls in SECTIONS.items() if cls is not None for key in cls.model_fields]


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_key_is_documented_in_its_section(section: str, key: str) -> None:
    part = DOCUMENT.split(f"## [{section}]\n")[1].split("\n## ")[0]
    assert f"| `{key}` |" in part


def test_the_document_names_no_key_that_does_not_exist() -> None:
    assert DOCUMENT.count("\n| `") == len(KEYS)


def test_an_unknown_key_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ondemand.toml"
    file.write_text("[master]\nprot = 1\n")
    monkeypatch.setenv("ONDEMAND_CONF", str(file))
    with pytest.raises(errors.InvalidRequest, match="prot"):
        settings.load()


@pytest.mark.parametrize(
    "wrong",
    [{"repository_hosts": ["http://x"]}, {"repository_hosts": ["*"]}, {"private_networks": ["10.0.0.1/8"]}, {"port": 99999}],
)
def test_a_host_port_or_network_that_is_none_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(errors.InvalidRequest, match=next(iter(wrong))):
        settings.load(master=wrong)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[mail]\npassworf = "hunter2secret"', "mail.passworf: "),
        ('[storage]\nurl = ["ftp://user:hunter2secret@host/"]', "storage.url: "),
        ('[builder]\ntoken = {value = "hunter2secret"}', "builder.token: "),
        ("[mail]\npassword = hunter2secret", "line 2"),
        ('[mail]\npassword = "hunter2secret\udcff"', "utf-8"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    file = tmp_path / "ondemand.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    monkeypatch.setenv("ONDEMAND_CONF", str(file))
    with pytest.raises(errors.InvalidRequest, match=named) as raised:
        settings.load()
    assert "hunter2secret" not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize("value", ["hunter2secret", '{"password": "hunter2secret', '{"password": ["hunter2secret"]}'])
def test_a_wrong_setting_of_the_environment_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ONDEMAND_MAIL", value)
    with pytest.raises(errors.InvalidRequest, match="mail") as raised:
        settings.load()
    assert "hunter2secret" not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize(
    ("error", "why"),
    [(PermissionError(13, "Permission denied"), "may hold the service's secrets"), (OSError(5, "Input/output error"), "of «Input/")],
)
def test_a_file_that_can_not_be_read_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: OSError, why: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(pydantic_settings, "TomlConfigSettingsSource", refuse)
    with pytest.raises(errors.InvalidRequest, match=rf"can't be read, because .*{why}.*; set ONDEMAND_CONF to a file of your own"):
        settings.load()


def test_the_environment_wins_over_the_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ondemand.toml"
    file.write_text("[master]\nport = 1\nthreads = 3\n")
    monkeypatch.setenv("ONDEMAND_CONF", str(file))
    monkeypatch.setenv("ONDEMAND_MASTER__PORT", "2")
    loaded = settings.load().master
    assert (loaded.port, loaded.threads) == (2, 3)
