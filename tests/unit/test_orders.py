# SPDX-License-Identifier: MIT
"""Orders by message: read, proven, judged as the bot's owner, counted, and answered once by message."""

from __future__ import annotations

import concurrent.futures
import datetime
import hmac
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from ondemand import errors, messages, orders, settings
from ondemand.orders import Order
from ondemand_web import app
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.events import composing
from ondemand_web.events.models import Delivery, Event
from ondemand_web.orders import services
from ondemand_web.orders.models import BotOrder
from ondemand_web.people import services as people
from ondemand_web.service import Service

SECRET = "s" * 32
REQUEST: dict[str, Any] = {"release": "f44", "builds": ["bash-5.3-1.fc44"]}
BOTS = {"acme": {"owner": "acme", "hourly": 3}, "safe": {"owner": "safe", "secret": SECRET}}


def order(number: int = 1, bot: str = "acme", mac: str | None = None, **fields: Any) -> Order:
    """The message of that number."""
    return orders.read(f"m-{number}", {"bot": bot, "request": {**REQUEST, **fields}, **({"mac": mac} if mac else {})})


@pytest.fixture
def made(here: Service) -> Service:
    """A service whose anonymous owner brings messages of two bots."""
    here.settings.master.__dict__["wishers"] = ("alice",)
    here.settings.__dict__["orders"] = settings.Orders.model_validate({"bots": BOTS})
    return here


@pytest.fixture
def web(made: Service) -> FlaskClient:
    return app.make(made).test_client()


def answers(here: Service) -> list[dict[str, Any]]:
    """The bodies of the messages that answer, each valid and for the bus alone."""
    with here.database.reading() as session:
        rows = session.execute(sa.select(Event).where(Event.kind == "order.answered").order_by(Event.id)).scalars().all()
        sinks = session.execute(sa.select(Delivery.sink).where(Delivery.event_id.in_([row.id for row in rows]))).scalars().all()
    sent = [composing.message_of(row, None, "http://master.example/") for row in rows]
    for each in sent:
        each.validate()
    assert sinks == ["bus"] * len(sent)
    return [dict(each.body) for each in sent]


def owners(here: Service) -> list[str]:
    """Whose builds there are."""
    with here.database.reading() as session:
        return list(session.execute(sa.select(Build.owner).order_by(Build.id)).scalars())


def test_an_order_is_a_build_of_the_bots_owner_and_answered_by_message(made: Service) -> None:
    row, new = services.take(made, order())
    assert new and row is not None and owners(made) == ["acme"]
    (answer,) = answers(made)
    assert (answer["message_id"], answer["accepted"], answer["build"]) == ("m-1", True, row.build_id)
    assert answer["url"] == f"http://master.example/builds/{row.build_id}" and answer["error"] is None


def test_a_message_that_comes_again_orders_and_answers_nothing_more(made: Service) -> None:
    for given in (order(), order(), order(release="f9"), order(bot="nobody")):
        services.take(made, given)
    assert owners(made) == ["acme"] and len(answers(made)) == 1


def test_a_message_that_comes_many_times_at_once_is_one_order_and_one_answer(made: Service) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        new = [each for _, each in pool.map(lambda _: services.take(made, order()), range(16))]
    assert new.count(True) == 1 and owners(made) == ["acme"] and len(answers(made)) == 1


@pytest.mark.parametrize(
    ("given", "code", "owner"),
    [
        (order(bot="stranger"), "not-permitted", None),
        (order(bot="safe"), "not-permitted", None),
        (order(bot="safe", mac="0" * 64), "not-permitted", None),
        (order(release=5), "invalid-request", "acme"),
        (order(kickstart="%packages\n%end\n%post\ntrue\n%end\n"), "not-permitted", "acme"),
        (order(repositories=[{"name": "own", "url": "http://x"}]), "not-permitted", "acme"),
        (order(builds=["task:1"]), "not-permitted", "acme"),
        (order(kickstart_url="http://x/a.ks"), "not-permitted", "acme"),
        (order(notify=["bob@example.org"]), "not-permitted", "acme"),
    ],
)
def test_what_may_not_be_is_answered_with_the_error(made: Service, given: Order, code: str, owner: str | None) -> None:
    services.take(made, given)
    (answer,) = answers(made)
    assert (answer["accepted"], answer["error"], answer["owner"]) == (False, code, owner) and owners(made) == []
    assert answer["url"] is None and answer["build"] is None and answer["reason"].endswith(".")


def test_a_bot_with_a_secret_proves_itself_for_this_very_message(made: Service) -> None:
    proof = orders.mac(SECRET, "safe", "m-1", {**REQUEST, "notify": ["bob@example.org"]})
    services.take(made, order(bot="safe", mac=proof, notify=["bob@example.org"]))
    services.take(made, order(2, bot="safe", mac=proof, notify=["bob@example.org"]))
    services.take(made, order(3, bot="safe", mac=proof, release="f45"))
    assert [each["accepted"] for each in answers(made)] == [True, False, False] and owners(made) == ["safe"]


def test_the_proof_is_the_one_that_the_document_describes() -> None:
    text = b'{"bot":"safe","message_id":"m-1","request":{"a":"\\u00e4","b":[1,true]}}'
    assert orders.mac(SECRET, "safe", "m-1", {"b": [1, True], "a": "ä"}) == hmac.new(SECRET.encode(), text, "sha256").hexdigest()


def test_a_bot_orders_no_more_than_its_share_of_an_hour(made: Service) -> None:
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda number: services.take(made, order(number)), range(5)))
    assert sorted(str(each["error"]) for each in answers(made)) == ["None", "None", "None", "too-many-orders", "too-many-orders"]
    with made.database.writing() as session:
        session.execute(sa.update(BotOrder).values(received_at=clock(session) - datetime.timedelta(hours=1)))
    services.take(made, order(6))
    assert len(owners(made)) == 4


def test_who_floods_is_not_answered_and_keeps_nobody_else_from_an_answer(made: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "REFUSALS", 2)
    taken = [services.take(made, order(number, bot=f"stranger-{number}"))[0] for number in range(4)]
    assert [each is not None for each in taken] == [True, True, False, False]
    services.take(made, order(9, release="no release"))
    assert [each["error"] for each in answers(made)] == ["not-permitted", "not-permitted", "invalid-request"]


def test_an_answer_repeats_no_more_than_a_little_of_what_was_sent(made: Service) -> None:
    unknown: dict[str, Any] = {f"\x00\x1b{number}" + "x" * 5000: 1 for number in range(500)}
    services.take(made, order(**unknown))
    (answer,) = answers(made)
    assert len(answer["details"]) == services.DETAILS and len(str(answer)) < 20_000
    assert not {"\x00", "\x1b"} & set("".join((answer["reason"], *answer["details"])))


def test_without_bots_nothing_is_ordered_and_nothing_answered(web: FlaskClient, made: Service) -> None:
    made.settings.__dict__["orders"] = settings.Orders()
    answer = web.post("/api/v1/orders", json=order().model_dump(mode="json"))
    assert (answer.status_code, answer.get_json()) == (200, {"answered": False, "build": None, "error": None})
    assert owners(made) == [] and answers(made) == []


def test_the_api_takes_a_message_once_and_a_refusal_is_no_error(web: FlaskClient) -> None:
    one, two = (web.post("/api/v1/orders", json=order().model_dump(mode="json")) for _ in range(2))
    assert (one.status_code, two.status_code) == (202, 200)
    assert one.get_json() == two.get_json() == {"answered": True, "build": 1, "error": None}
    refused = web.post("/api/v1/orders", json=order(2, bot="x").model_dump(mode="json"))
    assert refused.status_code == 202 and refused.get_json()["error"]["code"] == "not-permitted"


@pytest.mark.parametrize("wrong", [{"bot": "a b"}, {"request": []}, {"mac": "x"}, {"more": 1}, {"message_id": ""}])
def test_a_malformed_message_is_told_by_field(web: FlaskClient, wrong: dict[str, Any]) -> None:
    answer = web.post("/api/v1/orders", json={**order().model_dump(mode="json"), **wrong})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request")
    assert next(iter(wrong)) in answer.get_json()["detail"]


def test_only_those_whom_the_operator_names_bring_orders(made: Service, web: FlaskClient) -> None:
    bob = {"Authorization": f"Bearer {people.add_person(made.database, 'bob')}"}
    answer = web.post("/api/v1/orders", json=order().model_dump(mode="json"), headers=bob)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not-permitted") and answers(made) == []


@pytest.mark.parametrize("request_", [{"a": float("nan")}, {"a": float("inf")}, {"a": [[[[[[[[[1]]]]]]]]]}, 5, None])
def test_a_request_that_no_master_could_read_is_malformed(request_: Any) -> None:
    with pytest.raises(errors.InvalidRequest, match="request"):
        orders.read("m-1", {"bot": "acme", "request": request_})


def test_a_bots_owner_may_not_be_one_who_brings_own_code() -> None:
    with pytest.raises(errors.InvalidRequest, match=r"orders\.bots\.acme\.owner"):
        settings.load(master={"own_code": ["acme"]}, orders={"bots": BOTS})


def test_messages_of_wish_and_answer_say_in_a_line_what_they_are() -> None:
    wish = messages.BuildWishV1(body={"bot": "acme", "request": {"release": "f44"}})
    wish.validate()
    body = {"message_id": "m", "bot": "acme", "owner": "acme", "accepted": True, "build": 7, "url": "http://x/builds/7"}
    answer = messages.BuildWishAnsweredV1(body={**body, "error": None, "reason": None, "details": []})
    answer.validate()
    assert (wish.summary, answer.usernames) == ("bot acme asks for an image of f44", ["acme"])
    assert str(answer) == "the wish of bot acme is accepted as build 7\nhttp://x/builds/7"


def test_the_page_shows_each_order_with_its_answer_page_by_page(made: Service, web: FlaskClient) -> None:
    assert "No order has come yet" in web.get("/orders").text
    services.take(made, order())
    services.take(made, order(2, bot="stranger"))
    page = web.get("/orders").text
    assert 'href="/builds/1"' in page and "Bots that may order: acme, safe." in page
    assert "The bot stranger may not order images" in page and page.index("m-2") < page.index("m-1")
    assert "/orders?back" not in page and "m-1" not in web.get("/orders?back=1").text


def test_older_orders_stand_on_further_pages(made: Service, web: FlaskClient) -> None:
    with made.database.writing() as session:
        for number in range(51):
            received = clock(session) + datetime.timedelta(seconds=number)
            session.add(BotOrder(message_id=f"m-{number}", bot="acme", received_at=received, error={"sentence": "No."}))
    assert 'href="/orders?back=1"' in web.get("/orders").text
    assert "<code>m-0</code>" in web.get("/orders?back=1").text
