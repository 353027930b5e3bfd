"""Ids among arguments, and kinds whose names stand in a list."""

from pathlib import Path
from typing import Any

import pytest

from crm_mcp.bind import bind
from crm_mcp.errors import Forbidden, InvalidArguments, NotFound, ToolFailure
from crm_mcp.guard import BoundCall
from crm_mcp.ids import Id, Name, ids_in, lookups, records_of
from crm_mcp.loader import load_vendor
from crm_mcp.names import names_of
from crm_mcp.operation import IdKind, Pagination

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
MERGE = "interact_contacts_merge"
GET = "interact_person_contacts_get"

STAGE = IdKind(
    name="deal_stage",
    tool="interact_stages_list",
    arguments={"pipeline": "/pipeline"},
    result="/stages",
    match="/id",
    label=("/name",),
)
STAGES = {"stages": [{"id": 1, "name": "Lead"}, {"id": "2", "name": "Won"}, {"id": 2}]}


def staged(kind: IdKind = STAGE, **arguments: Any) -> BoundCall:
    """Make a write whose deals each name a stage."""
    call = call_of(MERGE, {"contact": {}})
    changes = {"ids": {"/deals/*/stage": kind.name, "/stage": kind.name}, "kinds": (kind,)}
    operation = call.operation.model_copy(update=changes)
    return BoundCall(operation, arguments, call.spec, "account", "local")


async def told(call: BoundCall, answer: Any, **read_changes: Any) -> list[Name]:
    """Read names from a list that the CRM answers."""
    read_tool = call_of(GET, {"id": 1}).operation.model_copy(update=read_changes)
    asked: list[Any] = []

    async def read(name: str, arguments: dict[str, Any]) -> Any:
        asked.append((name, arguments))
        if isinstance(answer, ToolFailure):
            raise answer
        return answer

    found = await names_of(call, read, lambda _: read_tool)
    assert asked in ([], [("interact_stages_list", {"pipeline": 9})])
    return list(found)


@pytest.mark.anyio
async def test_one_read_of_a_list_tells_the_names_of_all_its_ids() -> None:
    names = await told(staged(pipeline=9, deals=[{"stage": 1}, {"stage": "1"}]), STAGES)

    assert [name.label for name in names] == [("Lead",), ("Lead",)]


@pytest.mark.anyio
async def test_an_id_that_fits_several_items_has_no_name() -> None:
    (name,) = await told(staged(pipeline=9, stage=2), STAGES)

    assert name.missing == "its name could not be read: several records fit"


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [STAGES, {"stages": []}, {"other": 1}, None])
async def test_an_id_that_a_whole_list_lacks_is_refused(answer: Any) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await told(staged(pipeline=9, stage=3), answer)

    assert "stage is 3, which is no deal stage: interact_stages_list finds none" in (
        caught.value.message
    )
    assert caught.value.hint == "Find the right deal stage with interact_stages_list."


@pytest.mark.anyio
async def test_an_id_that_one_page_of_a_list_lacks_is_not_refused() -> None:
    paged = Pagination(style="page", position="page", size="size")

    (name,) = await told(staged(pipeline=9, stage=3), STAGES, pagination=paged)

    assert name.missing == "its name could not be read: no record was found"


@pytest.mark.anyio
async def test_a_list_that_fails_says_nothing_about_an_id() -> None:
    failures = (Forbidden("no"), NotFound("no such pipeline"))

    missing = [(await told(staged(pipeline=9, stage=3), one))[0].missing for one in failures]

    assert missing == [
        "its name could not be read: forbidden",
        "its name could not be read: not_found",
    ]


@pytest.mark.anyio
async def test_where_the_list_cannot_be_asked_for_the_name_is_missing() -> None:
    (name,) = await told(staged(stage=1), STAGES)

    assert name.missing == "not enough is given to look it up"


@pytest.mark.anyio
async def test_a_tool_that_finds_the_right_id_is_named() -> None:
    kind = STAGE.model_copy(update={"find": "interact_stages_search"})

    with pytest.raises(InvalidArguments) as caught:
        await told(staged(kind, pipeline=9, stage=3), STAGES)

    assert caught.value.hint == "Find the right deal stage with interact_stages_search."


def test_a_search_by_id_takes_the_item_that_has_it() -> None:
    kind = STAGE.model_copy(update={"argument": "q"})

    assert records_of(Id((), 1, kind), STAGES) == [{"id": 1, "name": "Lead"}]
    assert lookups(staged(kind, pipeline=9, stage=1).operation, {"pipeline": 9, "stage": 1}) != ()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, []),
        ({"stage": None}, []),
        ({"stage": ""}, []),
        ({"stage": {"id": 1}}, []),
        ({"stage": 0}, [("stage",)]),
        (
            {"deals": [{"stage": "a"}, {}, {"stage": "b"}]},
            [("deals", 0, "stage"), ("deals", 2, "stage")],
        ),
        ({"deals": {"stage": "a"}}, []),
        ({"deals": "text"}, []),
    ],
)
def test_only_texts_and_numbers_that_are_given_are_ids(arguments: Any, found: Any) -> None:
    call = staged(**arguments)

    assert [one.place for one in ids_in(call.operation, arguments)] == found


def call_of(name: str, arguments: dict[str, Any]) -> BoundCall:
    (operation,) = [o for o in load_vendor(FIXTURES, name.partition("_")[0]) if o.name == name]
    return BoundCall(operation, arguments, bind(operation, arguments), "account", "local")
