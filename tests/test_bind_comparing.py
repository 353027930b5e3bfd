"""What an operation must be bound to, to make the request that the document describes."""

from pathlib import Path
from typing import Any

import pytest

from crm_mcp.bind import bind
from crm_mcp.bindings.comparing import Fit, fit
from crm_mcp.bindings.file import Bindings, Entry, rebound
from crm_mcp.bindings.likeness import our_headers
from crm_mcp.bindings.openapi import Described, Parameter
from crm_mcp.operation import Operation

PLAIN = {"type": "string"}


def operation(**request: Any) -> Operation:
    names = ("shop_id", "id", "name", "accountId", "X-Fields", "listen")
    listed = {"type": "array", "items": PLAIN}
    said = {
        "vendor": "shop",
        "toolset": "things",
        "name": "shop_things_update",
        "title": "Change a thing",
        "description": "Change one thing of the shop, by its id.",
        "effect": "update",
        "source": {"document": "d", "line": 1, "section": "s", "evidence": "inferred-weak"},
        "inputSchema": {
            "properties": dict.fromkeys(names, PLAIN) | {"colours": listed},
            "required": ["shop_id", "id", "name"],
        },
        "request": {
            "method": "PUT",
            "path": "/shops/{shop_id}/things/{id}",
            "args_in": "json",
            **request,
            "bind": {
                "X-Fields": "header:X-Fields",
                "listen": "local",
                "colours": "json",
                **request.get("bind", {}),
            },
        },
        "response": {},
    }
    return Operation.model_validate(said)


NAME, ACCOUNT = Parameter("body", "name", required=True), Parameter("body", "accountId")
FIELDS = Parameter("header", "x-fields")


def fitted(path: str, *parameters: Parameter, ours: Operation | None = None, **said: Any) -> Fit:
    ours = ours or operation(bind={"colours": "local"})
    described = Described("PUT", path, parameters=parameters, **said)
    return fit(ours, described, our_headers([ours]))


@pytest.mark.parametrize(
    ("theirs", "written"),
    [
        ("/s/{a}/t/{b}", "/s/{shop_id}/t/{id}"),
        ("/s/{id}/t/{shop_id}", "/s/{id}/t/{shop_id}"),
        ("/s/{x}/t/{shopID}/", "/s/{id}/t/{shop_id}/"),
        ("/{Name}/{id}/{shop_id}", "/{name}/{id}/{shop_id}"),
    ],
)
def test_placeholders_are_filled_by_name_and_else_in_their_order(theirs: str, written: str) -> None:
    named = () if "Name" in theirs else (NAME,)

    found = fitted(theirs, *named, ACCOUNT, FIELDS)

    assert (found.path, found.blocker) == (written, "")
    assert bool(found.differences) == ("Name" in theirs)


def test_a_placeholder_that_no_argument_fills_bars_the_binding() -> None:
    found = fitted("/s/{shop_id}/{id}/{colour}")

    assert found.blocker == "no required argument of the tool fills {colour} in the path"


def test_what_goes_elsewhere_is_bound_there_and_told() -> None:
    name, account = Parameter("query", "Name"), Parameter("header", "account-id", required=True)
    ours = operation(bind={"colours": "local"})
    described = Described("PUT", "/t/{shop_id}/{id}", parameters=(name, account, FIELDS))

    found = fit(ours, described, frozenset(("account-id", "x-fields")))

    assert found.bind == {"name": "query:Name", "accountId": "header:account-id"}
    assert found.differences == (
        "name goes to query:Name",
        "accountId goes to header:account-id",
    )


def test_another_spelling_in_the_body_is_bound_too() -> None:
    found = fitted("/a/{x}/{y}", NAME, Parameter("body", "account_id"), FIELDS)

    assert found.bind == {"accountId": "json#/account_id"}


def test_what_is_bound_so_is_sent_so() -> None:
    found = fitted("/{Name}/{id}/{shop_id}", Parameter("query", "account_id"), FIELDS)
    entry = Entry(method="PUT", path=found.path, bind=dict(found.bind))
    one = operation(bind={"colours": "local"})

    (changed,) = rebound([one], Bindings(Path("bindings.toml"), "0" * 64, {one.name: entry}))

    spec = bind(changed, {"shop_id": "1", "id": "2", "name": "x y", "accountId": "3"})
    assert (spec.path, spec.query, spec.json) == ("/x%20y/2/1", (("account_id", "3"),), None)


def test_an_argument_that_fills_path_and_body_stays_in_both() -> None:
    both = operation(bind={"id": ["path", "json#/id"], "colours": "local"})
    identity = Parameter("body", "id", required=True)

    found = fitted("/a/{shop_id}/{id}", NAME, ACCOUNT, FIELDS, identity, ours=both)

    assert (found.bind, found.differences) == ({}, ())
    entry = Entry(method="PUT", path="/b/{name}/{shop_id}")
    (changed,) = rebound([both], Bindings(Path("bindings.toml"), "0" * 64, {both.name: entry}))
    spec = bind(changed, {"shop_id": "1", "id": "2", "name": "x"})
    assert (spec.path, spec.json) == ("/b/x/1", '{"id":"2"}')


def test_what_only_one_side_has_is_told() -> None:
    found = fitted(
        "/a/{shop_id}/{id}",
        Parameter("body", "name"),
        Parameter("query", "page"),
        Parameter("query", "sure", required=True),
        Parameter("query", "account id"),
        Parameter("header", "X-Token", required=True),
    )

    assert found.differences == (
        "accountId is not taken (body)",
        "X-Fields is not taken (header)",
        "the document takes page (query)",
        "the document takes and requires sure (query)",
        "the document takes account id (query)",
    )
    assert found.bind == {}


def test_what_the_document_requires_and_the_tool_does_not_is_told() -> None:
    found = fitted("/a/{x}/{y}", NAME, Parameter("body", "accountId", required=True), FIELDS)

    assert found.differences == ("accountId is required",)


def test_of_a_body_whose_fields_nobody_knows_nothing_is_missed() -> None:
    assert fitted("/a/{x}/{y}", FIELDS, free_body=True).differences == ()
    whole = fitted("/a/{x}/{y}", FIELDS, NAME, ACCOUNT, ours=operation())
    assert whole.differences == ()


def test_a_list_that_would_come_into_the_address_bars_the_binding() -> None:
    ours = operation(bind={"colours": "json#/colours"})

    found = fitted("/a/{x}/{y}", NAME, ACCOUNT, FIELDS, Parameter("query", "Colours"), ours=ours)

    assert found.bind == {"colours": "query:Colours"}
    assert found.blocker == "say in arrays how colours is written"
