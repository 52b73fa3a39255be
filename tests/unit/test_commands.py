# SPDX-License-Identifier: MIT
"""The program as a process: its exit statuses, and one sentence where something is wrong."""

from __future__ import annotations

import json
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from ondemand import build_requests, client, errors
from ondemand.commands import options
from tests import command_parts as parts


@pytest.mark.parametrize(
    "words", [(), ("show",), ("show", "abc"), ("nosuch",), ("list", "--state", "[/foo]"), ("show", "1", "--foo")]
)
def test_a_wrong_use_is_told_with_the_usage_and_ends_with_2(words: tuple[str, ...]) -> None:
    done = parts.run(*words)
    assert done.returncode == 2
    assert "Usage: ondemand" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("answer", "status"),
    [(parts.record("succeeded"), 0), (parts.failed(), 23), (parts.record("canceled"), 35)],
)
def test_watch_ends_as_the_build_did(answer: bytes, status: int) -> None:
    with parts.serving({"/builds/1": [answer]}) as server:
        assert parts.run("watch", "1", MASTER__URL=server.url).returncode == status


def test_build_wait_ends_as_the_build_did() -> None:
    answers = {"/builds": [b'{"id": 1}'], "/builds/1": [parts.record("queued"), parts.failed()]}
    with parts.serving(answers) as server:
        done = parts.run("build", "-r", "f44", "--wait", MASTER__URL=server.url)
    assert done.returncode == errors.ToolFailed.exit_status
    assert "error: The tool ended with 1." in done.stdout


@pytest.mark.parametrize("words", [(), ("--same-lock",)])
def test_rebuild_tells_of_the_new_build(words: tuple[str, ...]) -> None:
    with parts.serving({"/builds/1/rebuild": [b'{"id": 2}'], "/builds/2": [parts.record("received", id=2)]}) as server:
        done = parts.run("rebuild", "1", *words, MASTER__URL=server.url)
    assert (done.returncode, done.stdout) == (0, "build 2 received\nhttp://x/1\n")


def test_an_error_is_one_sentence_with_its_own_status() -> None:
    done = parts.run("build", "-r", "no such")
    assert done.returncode == errors.InvalidRequest.exit_status
    assert done.stderr.startswith("ondemand: The request is not valid") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("offered", "references", "said"),
    [
        ({"f44": "fc44"}, ("bash",), "f44"),
        ({"f43": "fc43", "f44": "fc44"}, ("bash", "nano-8-1.fc44"), "f44"),
        ({"f43": "fc43", "f44": "fc44"}, ("bash",), "No release is named, because the service makes images of several"),
        ({"f43": "fc43", "f44": "fc44"}, ("a-1-1.fc43", "b-1-1.fc44"), "name one with --release: f43, f44."),
        ({"f43": "", "f44": ""}, ("a-1-1.",), "name one with --release: f43, f44."),
        ({}, ("bash",), "ask the operator to define one."),
    ],
)
def test_a_release_that_goes_without_saying_need_not_be_named(
    offered: dict[str, str], references: tuple[str, ...], said: str
) -> None:
    found = [{"name": name, "dist_tag": tag} for name, tag in offered.items()]
    with parts.serving({"/releases": [json.dumps({"releases": found}).encode()]}) as server:
        asked = client.Client(server.url)
        if said in offered:
            assert options.release("", references, asked) == said
        else:
            with pytest.raises(errors.InvalidRequest, match=re.escape(said)):
                options.release("", references, asked)
        assert options.release("rawhide", references, asked) == "rawhide"


def test_further_repositories_are_named_with_their_keys(tmp_path: pathlib.Path) -> None:
    key = tmp_path / "key.asc"
    key.write_text("KEY\n")
    found = options.repositories(["mine=https://x/{arch}?a=b", "other=https://y"], [f"mine={key}"])
    assert found == [{"name": "mine", "url": "https://x/{arch}?a=b", "key": "KEY\n"}, {"name": "other", "url": "https://y"}]
    for wrong in ("none=key.asc", f"mine={tmp_path / 'missing'}"):
        with pytest.raises(errors.InvalidRequest):
            options.repositories(["mine=https://x"], [wrong])


def test_what_an_image_holds_is_told_with_what_brought_it() -> None:
    wanted = {"nevra": "nano-8-1.noarch", "origin": "side repository", "trust": "koji-digest", "reference": "bodhi:F-1", "checksums": {}}
    shown = parts.record("queued", packages=9, side=2, rules="No documentation.", wanted=[wanted])
    checked = {"backend": "kiwi", "packages": 9, "side": 2, "download_size": 1, "installed_size": 1, "disk": 1, "wanted": [wanted]}
    answers = {"/builds/1": [shown], "/check": [json.dumps({**checked, "warnings": [], "snapshot": {}}).encode()]}
    with parts.serving(answers) as server:
        told = [parts.run(*words, MASTER__URL=server.url).stdout for words in (("show", "1"), ("check", "-r", "f44"))]
    assert "packages: 9 in the image, 2 more in the side repository alone. No documentation.\n" in told[0]
    assert "The side repository has 2 more of the wanted builds' packages, which the image does not need.\n" in told[1]
    assert all("wanted: nano-8-1.noarch from side repository (koji-digest), by bodhi:F-1\n" in text for text in told)


def test_every_reason_of_a_refusal_is_told_and_none_twice() -> None:
    several = errors.Unsolvable("a needs b (the first of 2 reasons)", details=("a needs b", "c is against d"))
    single = errors.Unsolvable("a needs b", remedy="add it", details=("a needs b",))
    with parts.serving({"/check": [parts.problem(several), parts.problem(single)]}) as server:
        done = [parts.run("check", "-r", "f44", MASTER__URL=server.url) for _ in range(2)]
    assert done[0].stderr == "ondemand: a needs b (the first of 2 reasons).\n  a needs b\n  c is against d\n"
    assert done[1].stderr == "ondemand: a needs b; add it.\n"
    assert [each.returncode for each in done] == [errors.Unsolvable.exit_status] * 2


def test_a_builder_that_can_not_start_ends_with_the_error_s_status() -> None:
    code = "import os; os.geteuid = lambda: 1000; from ondemand.commands import main; main.main()"
    words = (sys.executable, "-c", code, "builder")
    done = subprocess.run(words, env=parts.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == errors.ToolMissing.exit_status
    assert done.stderr.startswith("ondemand: The builder can't work as this user")


def test_a_command_of_this_room_imports_no_other() -> None:
    code = "import sys; from ondemand.commands import main; main.make('check'); print('flask' in sys.modules)"
    words = (sys.executable, "-c", code)
    done = subprocess.run(words, env=parts.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "False\n", done.stderr


def test_ctrl_c_ends_it_quietly_with_130() -> None:
    with parts.serving({"/builds/1": [parts.record("queued", waiting="no builder is free")]}) as server:
        # Who runs the tests in the background ignores the signal, and what they start would, too.
        words = ("env", "--default-signal=INT", *parts.PROGRAM, "watch", "1")
        with subprocess.Popen(words, env=parts.environment(MASTER__URL=server.url), stdout=-1, stderr=-1) as running:
            assert running.stdout is not None and running.stdout.readline()
            running.send_signal(signal.SIGINT)
            assert running.communicate(timeout=30)[1] == b""
    assert running.returncode == 130


def test_a_reader_who_has_gone_is_no_error() -> None:
    answers = {"/releases": [b'{"releases": []}']}
    with parts.serving(answers) as server:
        words = (*parts.PROGRAM, "releases", "--json")
        running = subprocess.Popen(words, env=parts.environment(MASTER__URL=server.url), stdout=-1, stderr=-1)
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        with running.stderr as said:
            assert said.read() == b""
        running.wait(30)


@pytest.mark.parametrize("words", [("list",), ("show", "1"), ("cancel", "1"), ("releases",), ("presets",)])
def test_what_people_wrote_is_printed_as_it_is(words: tuple[str, ...]) -> None:
    text = "a [/x] [red] :bug:"
    shown = parts.record("canceled", owner=text)
    release = {"name": text, "title": text, "arches": [text], "image_types": {"live": text}}
    answers = {"/builds/1": [shown], "/builds/1/cancel": [b"{}"], "/releases": [json.dumps({"releases": [release]}).encode()]}
    answers["/presets"] = [json.dumps({"presets": [{"name": text, "title": text}]}).encode()]
    with parts.serving({**answers, "/builds?limit=20": [b'{"builds": [' + shown + b"]}"]}) as server:
        done = parts.run(*words, MASTER__URL=server.url)
    assert done.returncode == 0
    assert text in done.stdout or words[0] == "cancel"


def test_watch_prints_a_json_line_for_each_change_the_last_one_final() -> None:
    queued = parts.record("queued")
    answers = [queued, queued, parts.record("building", attempts=[parts.attempt(1)]), parts.failed()]
    with parts.serving({"/builds/1": answers}) as server:
        done = parts.run("watch", "1", "--json", MASTER__URL=server.url)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["state"] for line in lines] == ["queued", "building", "failed"]
    assert lines[-1]["error"]["class"] == "content"
    assert done.returncode == errors.ToolFailed.exit_status


@pytest.mark.parametrize("answer", [b"<html>Welcome</html>", b"[]", b"null", b'{"releases": [1]}', b"{}"])
def test_an_answer_that_is_not_the_service_s_is_told_as_such(answer: bytes) -> None:
    calls: dict[str, Callable[[client.Client], object]] = {
        "/releases": lambda master: master.releases(),
        "/builds/1": lambda master: master.build(1),
        "/builds": lambda master: master.submit(build_requests.validate({"release": "f44"})),
        "/builds/1/events?after=0": lambda master: master.events(1),
    }
    with parts.serving({address: [answer] for address in calls}) as server:
        for call in calls.values():
            with pytest.raises(errors.MasterUnavailable, match=r"is not understood, because something else"):
                call(client.Client(server.url))


def test_a_wait_that_is_over_says_so_with_a_status_of_its_own() -> None:
    with parts.serving({"/builds/1": [parts.record("queued")]}) as server:
        done = parts.run("watch", "1", "--timeout", "0", MASTER__URL=server.url)
    assert done.returncode == errors.WaitTimedOut.exit_status
    assert done.stderr == "ondemand: Build 1 has not ended in 0 s; watch it at http://x/1.\n"


def test_a_followed_log_goes_on_with_the_next_attempt_from_its_start() -> None:
    one, two = ([parts.attempt(number) for number in range(1, count + 1)] for count in (1, 2))
    states = [("building", one), ("building", two), ("succeeded", two)]
    answers = {
        "/builds/1": [parts.record(state, attempts=attempts) for state, attempts in states],
        "/builds/1/log?step=build&from=0&attempt=1": [b"first, long\n"],
        "/builds/1/log?step=build&from=12&attempt=1": [b""],
        "/builds/1/log?step=build&from=0&attempt=2": [b"second\n"],
        "/builds/1/log?step=build&from=7&attempt=2": [b""],
    }
    with parts.serving(answers) as server:
        done = parts.run("log", "1", "-f", MASTER__URL=server.url)
    assert (done.returncode, done.stdout) == (0, "first, long\nsecond\n")
    assert done.stderr == "attempt 1 on builder node-1\nattempt 2 on builder node-2\n"


def test_a_log_is_the_newest_attempt_s() -> None:
    shown = parts.record("failed", attempts=[parts.attempt(1), parts.attempt(2)])
    with parts.serving({"/builds/1": [shown], "/builds/1/log?step=boot&from=0&attempt=2": [b"text\n"]}) as server:
        done = parts.run("log", "1", "--step", "boot", MASTER__URL=server.url)
    assert (done.stdout, done.stderr) == ("text\n", "")
