"""Our operations found in a vendor's document, whatever it calls their paths."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given as over
from hypothesis import strategies as st
from openapi_documents import (
    COLLECTIONS,
    Given,
    Tree,
    as_json,
    as_yaml,
    given,
    kept,
    openapi_3,
    swagger_2,
)

from crm_mcp.bindings.assignment import ALONE, assign
from crm_mcp.bindings.document import read_document
from crm_mcp.bindings.matching import Row, match
from crm_mcp.bindings.openapi import read_openapi
from crm_mcp.loader import load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Operation


def has_addresses(vendor: str) -> bool:
    """Tell whether most operations have an address of their own, as OpenAPI wants it."""
    requests = [one.request for one in load_vendor(schemas_root(), vendor, examples=False)]
    return len({(one.method, one.path) for one in requests}) > len(requests) / 2


VENDORS = [vendor for vendor in vendor_ids(schemas_root()) if has_addresses(vendor)]
FORMATS: dict[str, Callable[[Sequence[Given]], str]] = {
    "Swagger 2.0 in JSON": lambda all_of: as_json(swagger_2(all_of)),
    "Swagger 2.0 in YAML": lambda all_of: as_yaml(swagger_2(all_of)),
    "OpenAPI 3.0 in JSON": lambda all_of: as_json(openapi_3(all_of)),
    "OpenAPI 3.1 in YAML": lambda all_of: as_yaml(openapi_3(all_of, "3.1.0")),
}


@pytest.fixture(params=VENDORS)
def ours(request: pytest.FixtureRequest) -> tuple[Operation, ...]:
    operations = load_vendor(schemas_root(), request.param, examples=False)
    return tuple(one for one in operations if one.request.method != "WS")


def rows_of(ours: Sequence[Operation], theirs: Sequence[Given]) -> tuple[Row, ...]:
    return match(ours, read_openapi(swagger_2(theirs)).operations)


def found(rows: Sequence[Row], theirs: Sequence[Given]) -> dict[str, str]:
    """Tell for each tool that was surely found which one it was taken for."""
    tools = {(one.method, one.path): one.tool for one in theirs}
    return {
        row.operation.name: tools[row.described.method, row.described.path]
        for row in rows
        if row.operation and row.described
    }


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_all_are_found_under_other_paths_in_every_format(
    written: Callable[[Sequence[Given]], str], ours: tuple[Operation, ...], tmp_path: Path
) -> None:
    theirs = given(ours)
    file = tmp_path / "document"
    file.write_text(written(theirs), encoding="utf-8")

    rows = match(ours, read_openapi(read_document(file).tree).operations)

    assert Counter(row.status for row in rows) == {"matched": len(ours)}
    assert found(rows, theirs) == {one.name: one.name for one in ours}
    for row in rows:
        assert row.operation
        assert row.fit
        assert Counter(row.fit.path) != Counter(row.operation.request.path)
        names = set(row.operation.input_schema.get("required", ()))
        assert {step[1:-1] for step in row.fit.path.split("/") if step.startswith("{")} <= names


def test_all_are_found_by_ids_of_another_framework(ours: tuple[Operation, ...]) -> None:
    theirs = given(ours, endings=COLLECTIONS)

    assert found(rows_of(ours, theirs), theirs) == {one.name: one.name for one in ours}


def test_the_order_of_the_document_changes_nothing(ours: tuple[Operation, ...]) -> None:
    theirs = given(ours)

    assert rows_of(ours, theirs) == rows_of(ours, theirs[::-1])


@pytest.mark.parametrize("taken", ["operation_id", "summary", "tag"])
def test_where_one_sign_is_missing_nothing_is_taken_for_another(
    taken: str, ours: tuple[Operation, ...]
) -> None:
    theirs = [one.changed(**{taken: ""}) for one in given(ours)]

    names = found(rows_of(ours, theirs), theirs)

    assert [(name, other) for name, other in names.items() if name != other] == []
    assert len(names) >= len(ours) / 2


def test_with_the_paths_we_know_the_document_needs_no_ids(ours: tuple[Operation, ...]) -> None:
    theirs = [one.changed(operation_id="") for one in given(ours, kept)]

    assert found(rows_of(ours, theirs), theirs) == {one.name: one.name for one in ours}


def another_field(one: Given) -> Given:
    return one.changed(parameters={**one.parameters, ("query", "colour_of_it"): False})


def a_needed_field(one: Given) -> Given:
    return one.changed(parameters={**one.parameters, ("query", "needed_now"): True})


def another_place(one: Given) -> Given:
    fields = [key for key in one.parameters if key[0] in ("query", "body")]
    if not fields:
        return another_field(one)
    place, name = fields[0]
    moved = {("header" if place == "query" else "query", f"{name}_"): False}
    left = {key: value for key, value in one.parameters.items() if key != fields[0]}
    return one.changed(parameters=left | moved)


def another_method(one: Given) -> Given:
    methods = {"POST": "GET", "PUT": "PATCH", "PATCH": "PUT", "DELETE": "POST", "GET": "POST"}
    return one.changed(method=methods[one.method], path=f"{one.path}/changed")


def test_exactly_the_twenty_that_were_changed_differ(ours: tuple[Operation, ...]) -> None:
    kinds = itertools.cycle([another_field, a_needed_field, another_place, another_method])
    theirs = given(ours)
    step = len(theirs) // 20
    places = range(0, step * 20, step)
    for at, change in zip(places, kinds, strict=False):
        theirs[at] = change(theirs[at])

    rows = rows_of(ours, theirs)

    assert found(rows, theirs) == {one.name: one.name for one in ours}
    assert {row.status for row in rows} == {"matched", "differs"}
    differing = [row.operation.name for row in rows if row.operation and row.status == "differs"]
    assert differing == [theirs[at].tool for at in places]


def test_what_is_missing_and_what_is_new_is_told(ours: tuple[Operation, ...]) -> None:
    theirs = given(ours)
    gone = theirs.pop()
    fields = {("query", "moonshine"): True, ("query", "weather"): False}
    theirs.append(Given("new", "POST", "/weather", "post_weather_api", "Makes rain", "sky", fields))

    rows = rows_of(ours, theirs)

    others = [row for row in rows if row.status != "matched"]
    assert [row.status for row in others] == ["missing", "new"]
    assert [row.operation.name for row in others if row.operation] == [gone.tool]
    assert [row.described.path for row in others if row.described] == ["/weather"]


def test_twins_in_the_document_are_ambiguous_and_none_of_them_is_new(
    ours: tuple[Operation, ...],
) -> None:
    theirs = given(ours)
    at = len(theirs) // 2
    twin = theirs[at].changed(path=f"{theirs[at].path}/again")

    rows = rows_of(ours, [*theirs, twin])

    assert Counter(row.status for row in rows) == {"matched": len(ours) - 1, "ambiguous": 1}
    assert {one.path for one in rows[at].candidates} == {theirs[at].path, twin.path}
    assert rows[at].fit is None


def test_a_read_is_never_taken_for_what_changes_something(ours: tuple[Operation, ...]) -> None:
    reads = [one for one in ours if not one.is_write and one.request.method == "GET"]
    theirs = [
        one.changed(method=method, path=f"{one.path}/{method}")
        for one in given(reads)
        for method in ("PUT", "PATCH", "DELETE")
    ]

    rows = rows_of(reads, theirs)

    assert {row.status for row in rows} == {"missing", "new"}


def test_a_document_of_something_else_fits_nowhere(ours: tuple[Operation, ...]) -> None:
    pets: Tree = {
        "/pet/{petId}": {"get": {"operationId": "getPetById", "summary": "Find pet by ID"}},
        "/store/inventory": {"get": {"operationId": "getInventory", "summary": "Pet inventories"}},
    }

    rows = match(ours, read_openapi({"openapi": "3.0.0", "paths": pets}).operations)

    assert {row.status for row in rows} == {"missing", "new"}


def total(scores: Sequence[Sequence[float]], columns: Sequence[int]) -> float:
    return sum(0.5 if at == ALONE else row[at] for row, at in zip(scores, columns, strict=True))


@over(
    st.integers(0, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.sampled_from([0.0, 0.4, 0.5, 0.7, 0.7, 0.9, 1.0]), min_size=width, max_size=width
            ),
            min_size=1,
            max_size=4,
        )
    )
)
def test_no_other_pairs_are_better_together(scores: list[list[float]]) -> None:
    columns = assign(scores, 0.5)

    paired = [at for at in columns if at != ALONE]
    assert len(paired) == len(set(paired))
    assert all(scores[row][at] >= 0.5 for row, at in enumerate(columns) if at != ALONE)
    others = itertools.product([ALONE, *range(len(scores[0]))], repeat=len(scores))
    best = max(
        total(scores, other)
        for other in others
        if len({at for at in other if at != ALONE}) == sum(at != ALONE for at in other)
    )
    assert total(scores, columns) == pytest.approx(best)


def test_nobody_is_paired_with_nobody() -> None:
    assert assign([], 0.5) == []
