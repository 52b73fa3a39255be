# SPDX-License-Identifier: MIT
"""What is installed, packaged and run by make fits together."""

from __future__ import annotations

import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib

import pika
import pytest
from fedora_messaging import config

from ondemand import orders, settings, triggers
from ondemand_consumer import doorbell, trigger
from tests.tools import tree

ROOT = tree.ROOT
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TRIGGER_EXAMPLE = ROOT / "fedora-messaging.toml.example"
DOORBELL_EXAMPLE = ROOT / "config" / "fedora-messaging" / "doorbell.toml.example"
GROUPS = ("commands", "backends", "sources", "triggers", "storage", "notifiers")
ENTRIES = [
    *(entry for group in GROUPS for entry in importlib.metadata.entry_points(group=f"ondemand.{group}")),
    *(entry for entry in importlib.metadata.entry_points(group="fedora.messages") if "ondemand" in entry.name),
]


def folders_of_the_targets() -> list[pathlib.Path]:
    """The folders that `make test` and `make test-slow` give to pytest."""
    line = re.search(r"^TESTS := \$\(wildcard (.*)\)$", MAKEFILE, re.MULTILINE)
    assert line
    return [ROOT / word for word in line[1].split()]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.value)
def test_an_entry_point_leads_to_something(entry: importlib.metadata.EntryPoint) -> None:
    assert callable(entry.load())


def test_every_group_of_entry_points_is_there() -> None:
    assert {entry.group for entry in ENTRIES} == {f"ondemand.{group}" for group in GROUPS} | {"fedora.messages"}


def test_every_test_lies_where_a_target_finds_it() -> None:
    folders = folders_of_the_targets()
    lost = [file for file in tree.files("test_*.py") if not any(map(file.is_relative_to, folders))]
    assert lost == []


def test_the_two_targets_leave_no_test_out() -> None:
    runs = re.findall(r"-m pytest (.*?)(?: (?:>|\|\|).*)?$", MAKEFILE, re.MULTILINE)
    quick = ['-m "not slow" -n $(JOBS) --dist loadfile $(UNITS)', '-m "not slow" $(filter-out $(UNITS),$(TESTS))']
    assert runs == [*quick, '-m "slow" $(WAITING)', '-m "slow" $(addprefix --ignore=,$(WAITING)) $(TESTS)']


def test_the_two_halves_of_the_slow_tests_have_none_in_common() -> None:
    """A file that is left out by `--ignore` may lie in a folder that is named; a folder that is named is never left out."""
    waiting = re.search(r"^WAITING := (.*)$", MAKEFILE, re.MULTILINE)
    assert waiting and "tests/faults/test_*.py" in waiting[1]
    words = ("--ignore=tests/faults/test_bus.py", "tests/faults")
    argv = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow", *words)
    found = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "test_crashes.py" in found and "test_bus.py" not in found


def test_ci_runs_both_targets() -> None:
    assert "for target in test test-slow;" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_help_names_every_target_that_people_use() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
    for target in ("setup", "check", "test", "test-slow", "demo", "bench", "rpm", "lock", "clean"):
        assert f"make {target} " in told


def test_the_lock_file_pins_by_hash_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[A-Za-z0-9]", lock, re.MULTILINE))
    assert "://" not in lock


@pytest.mark.parametrize("name", ["debian.txt", "debian-test.txt", "fedora.txt", "fedora-test.txt"])
def test_a_package_list_is_sorted_and_says_each_name_once(name: str) -> None:
    lines = (ROOT / "config" / "setup" / name).read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert names == sorted(set(names))


def test_the_doorbells_example_configuration_is_valid_and_wakes_it() -> None:
    loaded = config.LazyConfig().load_config(str(DOORBELL_EXAMPLE))
    assert loaded["callback"] == f"{doorbell.Consumer.__module__}:{doorbell.Consumer.__name__}"
    assert loaded["consumer_config"]["bell"] == doorbell.DEFAULT_BELL
    assert [binding["queue"] for binding in loaded["bindings"]] == list(loaded["queues"])
    assert [queue["durable"] or queue["exclusive"] for queue in loaded["queues"].values()] == [True]


def test_the_triggers_example_configuration_is_valid_and_loses_nothing() -> None:
    loaded = config.LazyConfig().load_config(str(TRIGGER_EXAMPLE))
    assert loaded["callback"] == f"{trigger.Consumer.__module__}:{trigger.Consumer.__name__}"
    ((name, queue),) = loaded["queues"].items()
    given = triggers.options(loaded["consumer_config"])
    assert queue["durable"] and not queue["exclusive"] and not queue["auto_delete"] and loaded["qos"]["prefetch_count"] == 1
    assert queue["arguments"] == {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": given.parked}
    assert [binding["queue"] for binding in loaded["bindings"]] == [name]


def test_each_example_names_the_other_and_the_doorbells_says_who_publishes_by_it() -> None:
    text = DOORBELL_EXAMPLE.read_text(encoding="utf-8")
    assert "bus.config" in text and TRIGGER_EXAMPLE.name in text
    assert str(DOORBELL_EXAMPLE.relative_to(ROOT)) in TRIGGER_EXAMPLE.read_text(encoding="utf-8")
    used = tomllib.loads((ROOT / "config" / "ondemand.toml.example").read_text(encoding="utf-8"))["bus"]["config"]
    assert f"goes to {used} " in text


@pytest.mark.parametrize("example", [DOORBELL_EXAMPLE, TRIGGER_EXAMPLE], ids=lambda path: path.name)
def test_the_examples_lead_to_a_broker_over_tls(example: pathlib.Path) -> None:
    loaded = config.LazyConfig().load_config(str(example))
    parameters = pika.URLParameters(loaded["amqp_url"])
    assert parameters.ssl_options and parameters.virtual_host == "/pubsub" and all(loaded["tls"].values())


def test_the_triggers_example_names_every_option_and_topic_that_there_is() -> None:
    text = TRIGGER_EXAMPLE.read_text(encoding="utf-8")
    loaded = config.LazyConfig().load_config(str(TRIGGER_EXAMPLE))
    given = triggers.options(loaded["consumer_config"])
    known = triggers.Triggers(given.triggers)
    keys = re.findall(r'^    (?:# )?"org\.fedoraproject\.\*\.(.*)",$', text, re.MULTILINE)
    assert sorted(keys) == sorted((*known.topics, orders.TOPIC))
    assert set(loaded["consumer_config"]) == set(triggers.TriggerOptions.model_fields)
    assert triggers.Triggers({}).topics == known.topics
    assert options_of(known) == options_of(triggers.Triggers({}))


def options_of(known: triggers.Triggers) -> dict[str, object]:
    """The options of each trigger."""
    return {name: plugin.options for name, plugin in vars(known)["_triggers"].items()}


def test_the_example_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDEMAND_CONF", str(ROOT / "config" / "ondemand.toml.example"))
    loaded = settings.load()
    assert loaded.builder.name == "builder-1" and loaded.mail.starttls and loaded.bus.config


def test_the_versions_are_the_same_everywhere() -> None:
    spec = re.search(r"^Version: +(\S+)$", (ROOT / "ondemand.spec").read_text(encoding="utf-8"), re.MULTILINE)
    assert spec
    assert spec[1] == importlib.metadata.version("ondemand")


def test_pyproject_describes_tools_only() -> None:
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))) == {"build-system", "tool"}
