"""From a write to the call that takes it back: other vendors' operations, and odd ones."""

from pathlib import Path
from typing import Any

import pytest
from shop import CREATE, DELETE, LOCK, UNLOCK, UPDATE, UPDATE_MANY, operations

from crm_mcp.errors import NotUndoable
from crm_mcp.fitting import fitted
from crm_mcp.loader import load_vendor
from crm_mcp.operation import Before, Operation, Undo
from crm_mcp.undo import Moved, Plan, Standing, Written, completed, moved, plan, reads_after

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
SHOP = {one.name: one for one in operations()}
TEXT = {"type": "string"}


def fixture(name: str) -> Operation:
    """Read one example operation of another vendor."""
    (found,) = [one for one in load_vendor(FIXTURES, name.partition("_")[0]) if one.name == name]
    return found


def planned(  # noqa: PLR0913 - the parts of a write
    operation: Operation,
    inverse: Operation,
    arguments: dict[str, Any],
    *,
    result: Any = None,
    before: tuple[Any, ...] = (),
    after: tuple[Any, ...] = (),
    failed: tuple[Any, ...] = (),
) -> Plan:
    return plan(Written(operation, arguments, result, before, failed), inverse, after)


def test_an_attachment_is_deleted_by_the_id_that_its_answer_names() -> None:
    create, delete = (fixture(f"synergist_attachments_{verb}") for verb in ("create", "delete"))
    sent = create.examples[0].arguments
    told = create.examples[0].result["data"]
    written = Written(create, sent, told)

    assert reads_after(written, delete) == ("synergist_attachments_get", [{"attachmentid": 5505}])
    stands = {"attachmentID": 5505, "attachmentDescription": "test file"}
    assert plan(written, delete, [stands]) == Plan(
        tool="synergist_attachments_delete",
        arguments={"data": [{"attachmentID": 5505}]},
        reader="synergist_attachments_get",
        records=(Standing({"attachmentid": 5505}, stands, is_whole=True),),
    )


@pytest.mark.parametrize(
    ("given", "back"),
    [
        (
            {"action": "expensesheetapprove", "expensesheet": 7},
            {"action": "expensesheetunapprove", "expensesheet": 7},
        ),
        (
            {"action": "expensesheetsapprove", "expensesheet": [7, 8]},
            {"action": "expensesheetsunapprove", "expensesheet": [7, 8]},
        ),
        (
            {"action": "expensesheetapprove", "uuid": "x"},
            {"action": "expensesheetunapprove", "uuid": "x"},
        ),
    ],
)
def test_an_approval_is_taken_back_in_the_words_of_the_opposite_action(
    given: dict[str, Any], back: dict[str, Any]
) -> None:
    approve, unapprove = (
        fixture(f"synergist_expense_sheets_{verb}") for verb in ("approve", "unapprove")
    )

    assert planned(approve, unapprove, given) == Plan(unapprove.name, back)
    assert planned(unapprove, approve, back) == Plan(approve.name, given)


def test_a_department_gets_its_old_manager_back_without_what_the_tool_does_not_take() -> None:
    update = fixture("cirrus_departments_update")
    old = {"id": 1, "name": "Maya", "cellphone": None, "online": True}
    new = {"id": 2, "name": "Ida", "cellphone": None}
    arguments = {"id": 7, "name": "Sales", "manager": {"id": 2}, "X-Fields": "{id}"}

    made = planned(
        update,
        update,
        arguments,
        before=({"id": 7, "name": "Sales", "manager": old},),
        after=({"id": 7, "name": "Sales", "manager": new},),
    )

    assert made.arguments == {"id": 7, "X-Fields": "{id}", "manager": {"id": 1, "name": "Maya"}}
    assert made.records == (Standing({"id": 7}, {"name": "Sales", "manager": new}, is_whole=False),)


def test_a_plan_is_read_as_it_was_written() -> None:
    made = Plan("tool", {"a": [1]}, "reader", (Standing({"id": 1}, {"ü": None}, is_whole=True),))

    assert Plan.from_json(made.as_json()) == made


def test_several_records_stand_as_a_list_where_another_tool_undoes() -> None:
    undo = Undo(kind="exact", tool=CREATE, arguments={"name": "/before/1/name", "note": "/now/0/n"})
    operation = SHOP[UPDATE_MANY].model_copy(update={"undo": undo})
    records = ({"name": "Lamp"}, {"name": "Desk"})

    made = planned(
        operation,
        SHOP[CREATE],
        {"data": [{"id": 1}, {"id": 2}]},
        before=records,
        after=({"n": "x"}, {}),
    )

    assert made.arguments == {"name": "Desk"}
    now = completed(made, operation, SHOP[CREATE], [{"n": "y"}, {}])
    assert now == {"name": "Desk", "note": "y"}


def test_what_was_deleted_is_not_read_again() -> None:
    undo = Undo(kind="exact", tool=CREATE, arguments={"name": "/before/name"})
    delete = SHOP[DELETE].model_copy(update={"undo": undo})

    made = planned(delete, SHOP[CREATE], {"id": 1}, before=({"name": "Lamp"},))

    assert made == Plan(CREATE, {"name": "Lamp"})


def test_an_update_that_another_tool_undoes_is_held_by_its_written_fields() -> None:
    undo = Undo(kind="exact", tool=UNLOCK, arguments={"id": "/arguments/id"})
    operation = SHOP[UPDATE].model_copy(update={"undo": undo})

    made = planned(
        operation,
        SHOP[UNLOCK],
        {"id": 1, "version": 1, "name": "Lamp"},
        after=({"id": 1, "version": 2, "name": "Lamp", "price": 3},),
    )

    assert made.arguments == {"id": 1}
    assert made.records[0].fields == {"version": 2, "name": "Lamp"}


def test_an_update_without_a_read_of_its_own_is_held_by_the_record_the_inverse_reads() -> None:
    undo = Undo(kind="exact", tool=DELETE, arguments={"id": "/arguments/id"})
    blind = SHOP[UPDATE].model_copy(update={"undo": undo, "before": Before(none="No read.")})

    made = planned(blind, SHOP[DELETE], {"id": 1, "version": 1}, after=({"id": 1, "price": 3},))

    assert made.records == (Standing({"id": 1}, {"id": 1, "price": 3}, is_whole=True),)


def test_a_field_that_is_required_is_sent_though_it_did_not_change() -> None:
    schema = SHOP[UPDATE].input_schema | {"required": ["id", "version", "name"]}
    operation = SHOP[UPDATE].model_copy(update={"input_schema": schema})

    made = planned(
        operation,
        operation,
        {"id": 1, "version": 1, "name": "Lamp", "price": 5},
        before=({"version": 1, "name": "Lamp", "price": 3},),
        after=({"version": 2, "name": "Lamp", "price": 5},),
    )

    assert made.arguments == {"id": 1, "name": "Lamp", "price": 3}


def test_one_item_that_is_no_list_goes_back_as_it_came() -> None:
    data = {"type": "object", "properties": SHOP[UPDATE].properties}
    schema = {"type": "object", "properties": {"data": data}, "additionalProperties": False}
    operation = SHOP[UPDATE_MANY].model_copy(update={"input_schema": schema})

    made = planned(
        operation,
        operation,
        {"data": {"id": 1, "version": 1, "name": "New"}},
        before=({"version": 1, "name": "Lamp"},),
        after=({"version": 2, "name": "New"},),
    )

    now = completed(made, operation, operation, [{"version": 4}])
    assert now == {"data": {"id": 1, "version": 4, "name": "Lamp"}}


CHANGE = {"id": 1, "version": 1, "name": "New"}
FROM = {"version": 1, "name": "Lamp"}
TO = {"version": 2, "name": "New"}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"before": ()}, "the record was not read before it was changed"),
        ({"after": (FROM,)}, "nothing in the record changed"),
        ({"before": ("text",)}, "the record as read has no fields"),
        ({"arguments": CHANGE | {"note": "x"}}, "the record as read does not show note"),
        (
            {"arguments": CHANGE | {"color": "x"}, "after": (TO | {"color": "x"},)},
            None,  # a text may be empty
        ),
        (
            {"arguments": CHANGE | {"price": 5}, "after": (TO | {"price": 5},)},
            "price cannot be given the value that stood there",
        ),
        ({"after": ({"name": "New"},)}, "/now/version is not known"),
        ({"after": (TO | {"version": "one"},)}, "version cannot be given"),
        ({"failed": ({"name": "New"},)}, "nothing in the record changed"),
        ({"failed": ("odd",)}, "only a part of it was done, and which part"),
        ({"failed": ({"other": 1},)}, "only a part of it was done, and which part"),
    ],
)
def test_an_update_that_cannot_be_taken_back_says_why(
    parts: dict[str, Any], reason: str | None
) -> None:
    usual = {"arguments": CHANGE, "before": (FROM,), "after": (TO,)}
    operation = SHOP[UPDATE]
    if reason is None:
        made = planned(operation, operation, **(usual | parts))
        assert made.arguments == {"id": 1, "name": "Lamp", "color": ""}
        return
    with pytest.raises(NotUndoable, match=reason):
        planned(operation, operation, **(usual | parts))


def test_what_the_inverse_would_not_take_is_not_planned() -> None:
    too_long = SHOP[UPDATE].model_copy(
        update={
            "input_schema": SHOP[UPDATE].input_schema | {"maxProperties": 2},
        }
    )

    with pytest.raises(NotUndoable, match=f"{UPDATE} would not take what it needs"):
        planned(too_long, too_long, CHANGE, before=(FROM,), after=(TO,))


def test_a_part_of_what_another_tool_undoes_is_not_planned() -> None:
    with pytest.raises(NotUndoable, match="only a part"):
        planned(SHOP[LOCK], SHOP[UNLOCK], {"id": 1}, failed=({"id": 1},), after=({"id": 1},))


def test_a_record_that_nothing_names_is_not_looked_for() -> None:
    optional = SHOP[DELETE].input_schema | {"required": []}
    inverse = SHOP[DELETE].model_copy(update={"input_schema": optional})

    with pytest.raises(NotUndoable, match="what would find the record"):
        reads_after(Written(SHOP[CREATE], {"name": "Lamp"}, {}), inverse)


def test_a_bulk_write_without_items_changed_nothing() -> None:
    with pytest.raises(NotUndoable, match="nothing in the record changed"):
        planned(SHOP[UPDATE_MANY], SHOP[UPDATE_MANY], {})


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        ({"name": "Lamp", "price": 3}, []),
        ({"name": "Lamp", "price": "3"}, []),
        ({"name": "Desk", "price": 3}, [Moved("name", "Lamp", "Desk")]),
        ({"price": 3}, [Moved("name", "Lamp", None)]),
        ({"name": "Lamp", "price": 3, "note": "x"}, [Moved("note", None, "x")]),
        (
            "gone",
            [Moved("name", "Lamp", None), Moved("price", 3, None), Moved("record", None, "gone")],
        ),
    ],
)
def test_of_a_whole_record_every_change_is_found(record: Any, changes: list[Moved]) -> None:
    standing = Standing({}, {"name": "Lamp", "price": 3}, is_whole=True)

    assert moved(standing, record) == changes


def test_of_an_update_only_the_written_fields_count() -> None:
    standing = Standing({}, {"name": "Lamp"}, is_whole=False)

    assert moved(standing, {"name": "Lamp", "note": "x"}) == []


@pytest.mark.parametrize(
    ("schema", "value", "back"),
    [
        (TEXT, 3, "3"),
        ({"type": "integer"}, "3", 3),
        ({"type": "number"}, "2.5", 2.5),
        (TEXT, None, ""),
        ({"type": ["string", "null"]}, None, None),
        ({"type": ["string", "null"], "minLength": 1}, "", None),
        ({"type": "array"}, 7, [7]),
        ({"type": "array", "items": TEXT}, [7, None], ["7", ""]),
        ({"type": "boolean"}, True, True),
        ({}, {"any": [None]}, {"any": [None]}),
        ({"properties": {"a": TEXT}}, {"a": 1, "b": 2}, {"a": "1", "b": 2}),
        (
            {"properties": {"a": TEXT}, "additionalProperties": False},
            {"a": "x", "b": 2},
            {"a": "x"},
        ),
        ({"properties": {"a": {"type": "integer"}}}, {"a": None}, {}),
    ],
)
def test_a_value_goes_back_in_the_spelling_that_is_taken(
    schema: dict[str, Any], value: Any, back: Any
) -> None:
    found = fitted(schema, value, None, "field")

    assert (found, type(found)) == (back, type(back))


@pytest.mark.parametrize(
    ("schema", "value", "stands"),
    [
        ({"type": "integer"}, None, 3),
        ({"type": "integer"}, "003", 3),
        ({"type": "integer", "maximum": 2}, "3", 1),
        ({"type": "integer"}, "three", 3),
        ({"type": "integer"}, "true", 3),
        ({"type": "integer"}, "[3]", 3),
        ({"type": "boolean"}, 1, True),
        ({"enum": ["a"]}, "b", "a"),
        ({"properties": {"a": {"type": "integer"}}}, {"a": None}, {"a": 3}),
        ({"properties": {"a": {"type": "integer"}}}, {}, {"a": 3}),
        (TEXT, "a •••", "b"),
    ],
)
def test_a_value_that_is_not_taken_does_not_go_back(
    schema: dict[str, Any], value: Any, stands: Any
) -> None:
    with pytest.raises(NotUndoable, match="field"):
        fitted(schema, value, stands, "field")
