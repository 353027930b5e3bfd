"""Arguments against schema and rules: what does not fit is told as a sentence."""

import math
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp import validate
from crm_mcp.errors import InvalidArguments
from crm_mcp.operation import Operation, Rule
from crm_mcp.validate import ArgumentValidator

PRODUCT = {"account": "1", "product": "Chair", "manufacturer": ""}
SEARCH = "fivecrm_privacy_details_search"
IMPORT = "fivecrm_customer_products_import"
HALF = st.characters(categories=["Cs"])
TEXTS = st.text(st.characters(codec="utf-8") | HALF, max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@pytest.fixture(scope="session")
def base(five: Mapping[str, Operation]) -> Operation:
    """Give a real operation, for `shaped` to change."""
    return five["fivecrm_areas_get"]


def shaped(base: Operation, properties: dict[str, Any], **changes: Any) -> Operation:
    """Copy an operation with another closed schema, and perhaps other rules or traits."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return base.model_copy(update={"input_schema": schema, **changes})


def complaint(operation: Operation, arguments: Mapping[str, Any]) -> str:
    """Say what the validator tells, without the tool's name and the full stop."""
    with pytest.raises(InvalidArguments) as caught:
        ArgumentValidator().check(operation, arguments)
    return caught.value.message.removeprefix(f"{operation.name}: ").removesuffix(".")


def fits(operation: Operation, arguments: Mapping[str, Any]) -> bool:
    try:
        ArgumentValidator().check(operation, arguments)
    except InvalidArguments:
        return False
    return True


def is_text(value: object, lengths: range) -> bool:
    if not isinstance(value, str) or len(value) not in lengths:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in value)


def test_every_example_of_every_operation_fits(five: Mapping[str, Operation]) -> None:
    validator = ArgumentValidator()

    for operation in five.values():
        for example in operation.examples:
            validator.check(operation, example.arguments)


def test_a_misfit_names_tool_and_argument_and_shows_arguments_that_fit(
    five: Mapping[str, Operation],
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        ArgumentValidator().check(five[SEARCH], {"area": 1})

    assert caught.value.message == f"{SEARCH}: area must be text, not a whole number."
    assert caught.value.hint == (
        "Arguments that fit, for example: "
        '{"area": "001", "contName": "Joe Bloggs", "contEmail": "joe.bloggs@example.com"}'
    )
    assert caught.value.kind == "invalid_arguments"


def test_a_long_example_is_cut(five: Mapping[str, Operation]) -> None:
    operation = five[SEARCH].model_copy(update={"sample": "x" * 501})

    with pytest.raises(InvalidArguments) as caught:
        ArgumentValidator().check(operation, {})

    assert caught.value.hint == f"Arguments that fit, for example: {'x' * 500} … (cut)"


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        ({"type": "string"}, None, "a must be text, not null"),
        ({"type": "string"}, [], "a must be text, not a list"),
        ({"type": "integer"}, "7", "a must be a whole number, not text"),
        ({"type": "integer"}, True, "a must be a whole number, not true or false"),
        ({"type": "integer"}, 1.5, "a must be a whole number, not a number"),
        ({"type": "array"}, {}, "a must be a list, not an object"),
        ({"type": ["boolean", "number"]}, "", "a must be true or false or a number, not text"),
        ({"enum": ["x", "ü"]}, "y", 'a must be one of ["x", "ü"]'),
        ({"maxLength": 2}, "äöü", "a has 3 characters; at most 2 are allowed"),
        ({"minLength": 2}, "ä", "a has 1 characters; at least 2 are needed"),
        ({"maxItems": 1}, [1, 2], "a has 2 items; at most 1 are allowed"),
        ({"minItems": 1}, [], "a has 0 items; at least 1 are needed"),
        ({"minimum": 1}, 0, "a is 0; the smallest allowed is 1"),
        ({"maximum": 1.5}, 2, "a is 2; the largest allowed is 1.5"),
        ({"pattern": "^a+$"}, "ü", 'a is "ü", which does not match ^a+$'),
        ({"multipleOf": 2}, 3, "a is 3, which does not fit the schema's multipleOf"),
        (False, 3, "a is 3, which does not fit the schema's falseSchema"),
    ],
)
def test_each_demand_of_a_schema_is_told_in_words(
    base: Operation, schema: Any, value: Any, told: str
) -> None:
    assert complaint(shaped(base, {"a": schema}), {"a": value}) == told


def test_a_long_value_is_shown_shortened(base: Operation) -> None:
    told = complaint(shaped(base, {"a": {"pattern": "^b"}}), {"a": "a" * 100})

    assert told == f'a is "{"a" * 59}…, which does not match ^b'


def test_a_long_choice_is_shown_shortened(base: Operation) -> None:
    told = complaint(shaped(base, {"a": {"enum": ["x" * 400]}}), {"a": "y"})

    assert told == f'a must be one of ["{"x" * 298}…'


def test_a_whole_number_written_as_a_fraction_is_a_whole_number(base: Operation) -> None:
    assert fits(shaped(base, {"a": {"type": "integer"}}), {"a": 1.0})


def test_a_missing_argument_is_named_with_its_place(five: Mapping[str, Operation]) -> None:
    assert complaint(five[IMPORT], {"area": "001"}) == "customerProducts is missing"
    arguments = {"area": "001", "customerProducts": [PRODUCT, {"account": "1", "product": "x"}]}
    assert complaint(five[IMPORT], arguments) == "customerProducts[1].manufacturer is missing"


def test_an_unknown_argument_is_named_with_the_one_that_was_meant(
    five: Mapping[str, Operation],
) -> None:
    arguments = {"area": "001", "contMail": "a@example.com", "zzz": 1}

    assert complaint(five[SEARCH], arguments) == (
        "contMail is unknown (did you mean contEmail?); zzz is unknown"
    )


def test_an_unknown_field_of_an_item_is_named_with_its_place(
    five: Mapping[str, Operation],
) -> None:
    arguments = {"area": "001", "customerProducts": [{**PRODUCT, "acount": "1"}]}

    assert complaint(five[IMPORT], arguments) == (
        "customerProducts[0].acount is unknown (did you mean account?)"
    )


def test_an_unknown_field_is_told_where_the_schema_has_no_names_to_offer(base: Operation) -> None:
    first = {"type": "object", "properties": {}, "additionalProperties": False}
    operation = shaped(base, {"a": {"type": "array", "prefixItems": [first]}})

    assert complaint(operation, {"a": [{"b": 1}]}) == "a[0].b is unknown"


@pytest.mark.parametrize(
    ("keyword", "guess"),
    [("additionalProperties", " (did you mean size?)"), ("patternProperties", "")],
)
def test_an_unknown_field_is_told_below_names_that_the_schema_leaves_open(
    base: Operation, keyword: str, guess: str
) -> None:
    closed = {"type": "object", "properties": {"size": {}}, "additionalProperties": False}
    below = closed if keyword == "additionalProperties" else {"^k": closed}
    operation = shaped(base, {"a": {"type": "object", keyword: below}})

    assert complaint(operation, {"a": {"key": {"sise": 1}}}) == f"a.key.sise is unknown{guess}"


def test_a_very_long_unknown_name_is_shortened(base: Operation) -> None:
    assert complaint(shaped(base, {}), {"n" * 100: 1}) == f"{'n' * 60}… is unknown"


def test_at_most_five_problems_are_told_and_the_others_counted(base: Operation) -> None:
    operation = shaped(base, {name: {"type": "string"} for name in "abcdefg"})

    told = complaint(operation, dict.fromkeys("abcdefg", 1))

    sentences = [f"{name} must be text, not a whole number" for name in "abcde"]
    assert told == "; ".join([*sentences, "and 2 more"])


def test_at_most_five_unknown_names_are_told(base: Operation) -> None:
    told = complaint(shaped(base, {}), {f"n{number}": 1 for number in range(9)})

    assert told == "; ".join(f"n{number} is unknown" for number in range(5))


def test_a_schema_is_compiled_once(base: Operation, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    real = jsonschema_rs.Draft202012Validator

    def compile_schema(schema: Any) -> jsonschema_rs.Draft202012Validator:
        compiled.append(schema)
        return real(schema)

    monkeypatch.setattr(jsonschema_rs, "Draft202012Validator", compile_schema)
    validator = ArgumentValidator()

    validator.check(base, {"area": "001"})
    validator.check(base, {"area": "002"})

    assert compiled == [base.input_schema]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(
    base: Operation, number: float
) -> None:
    assert complaint(shaped(base, {"a": {}}), {"a": {"b": [1, number]}}) == (
        "a holds a number that is not finite"
    )


@pytest.mark.parametrize("value", ["x\ud800", ["\udfff"], {"k": "\udead"}, {"k\udead": 1}])
def test_half_of_a_character_pair_is_refused_wherever_it_stands(
    base: Operation, value: Any
) -> None:
    assert complaint(shaped(base, {"a": {}}), {"a": value}) == (
        "a holds half of a character pair (a lone surrogate)"
    )


def test_whole_characters_beyond_the_basic_plane_are_welcome(base: Operation) -> None:
    assert fits(shaped(base, {"a": {"maxLength": 2}}), {"a": "😀ü"})


def test_texts_beyond_all_bounds_are_refused_before_anything_is_checked(
    base: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "MAX_TEXT", 10)
    operation = shaped(base, {"a": {"maxLength": 1}})

    assert complaint(operation, {"a": ["x" * 5, {"y": "z" * 5}]}) == (
        "a is too long: all texts together may have 10 characters"
    )
    assert complaint(operation, {"a": "x" * 10}) == "a has 10 characters; at most 1 are allowed"


def test_a_binary_operation_may_carry_longer_texts(
    base: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "MAX_TEXT", 10)
    monkeypatch.setattr(validate, "MAX_BINARY_TEXT", 20)
    operation = shaped(base, {"a": {}}, traits=("binary",))

    assert fits(operation, {"a": "x" * 20})
    assert complaint(operation, {"a": "x" * 21}) == (
        "a is too long: all texts together may have 20 characters"
    )


def test_arguments_nested_too_deeply_are_refused(base: Operation) -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]

    assert complaint(shaped(base, {"a": {"anyOf": [{"type": "string"}]}}), {"a": value}) == (
        "a is nested too deeply: at most 50 levels are allowed"
    )


@pytest.mark.parametrize(
    ("rule", "arguments", "told"),
    [
        ({"at_least_one": ("a", "b")}, {}, "give at least one of a, b"),
        ({"at_most_one": ("a", "b")}, {"a": [], "b": []}, "give only one of a, b"),
        ({"exactly_one": ("a", "b")}, {}, "give exactly one of a, b"),
        ({"exactly_one": ("a", "b")}, {"a": [], "b": []}, "give exactly one of a, b"),
        ({"together": ("a", "b")}, {"a": []}, "a, b belong together: give all of them or none"),
        (
            {"same_length": ("a", "b")},
            {"a": [1]},
            "a and b are paired and must have the same length (a has 1, b has 0)",
        ),
    ],
)
def test_a_broken_rule_is_told_in_words(
    base: Operation, rule: dict[str, Any], arguments: dict[str, Any], told: str
) -> None:
    operation = shaped(base, {"a": {}, "b": {}}, rules=(Rule(**rule),))

    assert complaint(operation, arguments) == told


@pytest.mark.parametrize(
    ("rule", "arguments"),
    [
        ({"at_least_one": ("a", "b")}, {"b": []}),
        ({"at_least_one": ("a", "b")}, {"a": [], "b": []}),
        ({"at_most_one": ("a", "b")}, {}),
        ({"at_most_one": ("a", "b")}, {"b": []}),
        ({"exactly_one": ("a", "b")}, {"a": []}),
        ({"together": ("a", "b")}, {}),
        ({"together": ("a", "b")}, {"a": [], "b": []}),
        ({"same_length": ("a", "b")}, {}),
        ({"same_length": ("a", "b")}, {"a": [1, 2], "b": [3, 4]}),
    ],
)
def test_a_rule_that_is_kept_says_nothing(
    base: Operation, rule: dict[str, Any], arguments: dict[str, Any]
) -> None:
    assert fits(shaped(base, {"a": {}, "b": {}}, rules=(Rule(**rule),)), arguments)


def test_rules_are_asked_only_about_arguments_of_the_right_form(base: Operation) -> None:
    rule = Rule(same_length=("a", "b"))
    operation = shaped(base, {"a": {"type": "array"}, "b": {"type": "array"}}, rules=(rule,))

    assert complaint(operation, {"a": 1, "b": [2]}) == "a must be a list, not a whole number"


@given(data=st.data())
def test_any_json_either_fits_or_is_told_as_a_misfit(
    five: Mapping[str, Operation], data: st.DataObject
) -> None:
    operation = data.draw(st.sampled_from(sorted(five.values(), key=lambda found: found.name)))
    names = st.sampled_from([*operation.properties, "other"]) | TEXTS
    arguments = data.draw(st.dictionaries(names, VALUES, max_size=5))
    told = f"{operation.name}: "
    try:
        ArgumentValidator().check(operation, arguments)
    except InvalidArguments as misfit:
        told = misfit.message

    assert told.startswith(f"{operation.name}: ")
    assert len(told.encode()) < 5000


@given(items=st.lists(st.dictionaries(st.sampled_from(["account", "product", "text"]), VALUES)))
def test_the_items_of_a_bulk_call_fit_exactly_when_each_field_does(
    five: Mapping[str, Operation], items: list[dict[str, Any]]
) -> None:
    fitting = 1 <= len(items) <= 25 and all(
        is_text(item.get("account"), range(1, 33))
        and is_text(item.get("product"), range(51))
        and is_text(item.get("text", ""), range(65536))
        for item in items
    )

    products = [{"manufacturer": "", **item} for item in items]
    assert fits(five[IMPORT], {"area": "001", "customerProducts": products}) is fitting
