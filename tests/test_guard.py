"""The verdict about a call, and the gate that alone issues permits."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from crm_mcp.bind import bind
from crm_mcp.errors import PermitError
from crm_mcp.guard import (
    PERMIT_SECONDS,
    Allow,
    Ask,
    BoundCall,
    Gate,
    Mode,
    Permit,
    Policy,
    Refuse,
    judge,
    refusal_of,
    typed_word,
)
from crm_mcp.ledger import Consent
from crm_mcp.operation import Operation

READ = "fivecrm_areas_get"
WRITE = "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Chair", "manufacturer": ""}
READ_ONLY = Policy(mode=Mode.READ_ONLY)
CONFIRM = Policy(mode=Mode.CONFIRM)
UNATTENDED = Policy(mode=Mode.UNATTENDED)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def read_call(five: Mapping[str, Operation]) -> BoundCall:
    return call_of(five[READ], {"area": "001"})


@pytest.fixture
def write_call(five: Mapping[str, Operation]) -> BoundCall:
    return call_of(five[WRITE], {"area": "001", "customerProducts": [PRODUCT]})


def call_of(operation: Operation, arguments: Mapping[str, Any]) -> BoundCall:
    return BoundCall(operation, arguments, bind(operation, arguments), "fivecrm (crm)", "local")


def consent_to(call: BoundCall) -> Consent:
    return Consent("0123456789", call.fingerprint)


def kind_of(five: Mapping[str, Operation], effect: str, *traits: str) -> Operation:
    return five[READ].model_copy(update={"effect": effect, "traits": traits})


@pytest.mark.parametrize(
    ("policy", "effect", "traits", "verdict"),
    [
        (READ_ONLY, "read", (), Allow()),
        (CONFIRM, "read", (), Allow()),
        (UNATTENDED, "read", (), Allow()),
        (CONFIRM, "create", (), Ask()),
        (CONFIRM, "update", ("idempotent",), Ask()),
        (CONFIRM, "delete", (), Ask()),
        (CONFIRM, "action", (), Ask()),
        (UNATTENDED, "create", (), Allow()),
        (UNATTENDED, "delete", ("destructive", "financial"), Allow()),
        (READ_ONLY, "action", ("session",), Allow()),
        (CONFIRM, "action", ("session",), Allow()),
        (UNATTENDED, "action", ("session",), Allow()),
    ],
)
def test_the_verdict_follows_from_effect_and_mode(
    five: Mapping[str, Operation],
    policy: Policy,
    effect: str,
    traits: tuple[str, ...],
    verdict: Allow | Ask,
) -> None:
    assert judge(kind_of(five, effect, *traits), policy, 1) == verdict


@pytest.mark.parametrize("effect", ["create", "update", "delete", "action"])
def test_a_read_only_server_refuses_every_write(five: Mapping[str, Operation], effect: str) -> None:
    assert judge(kind_of(five, effect), READ_ONLY, 1) == Refuse(
        f"{READ} would change data, and this server only reads."
    )


def test_the_method_does_not_matter(five: Mapping[str, Operation]) -> None:
    reading = five[READ]
    request = reading.request.model_copy(update={"method": "GET"})
    writing_by_get = reading.model_copy(update={"effect": "create", "request": request})

    assert reading.request.method == "POST"
    assert judge(reading, READ_ONLY, 1) == Allow()
    assert isinstance(judge(writing_by_get, READ_ONLY, 1), Refuse)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy(deny=(READ,)), f"{READ} is switched off here."),
        (Policy(deny=("nothing_*", "fivecrm_area?_*")), f"{READ} is switched off here."),
        (Policy(allow=("*",), deny=("*_get",)), f"{READ} is switched off here."),
        (Policy(allow=(READ,), deny=(READ,)), f"{READ} is switched off here."),
        (Policy(allow=("*_list",)), f"{READ} is not among the tools switched on here."),
        (Policy(allow=("FIVECRM_*",)), f"{READ} is not among the tools switched on here."),
        (Policy(allow=("areas",)), f"{READ} is not among the tools switched on here."),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_the_globs_of_the_operator_refuse_in_every_mode(
    five: Mapping[str, Operation], mode: Mode, policy: Policy, reason: str
) -> None:
    refusal = Refuse(reason, "Tell the person: only the operator of this server can change that.")

    assert refusal_of(five[READ], replace(policy, mode=mode)) == refusal
    assert judge(five[READ], replace(policy, mode=mode), 1) == refusal


@pytest.mark.parametrize("policy", [Policy(allow=("*_list", "*areas_get")), Policy(deny=("get*",))])
def test_a_tool_that_no_glob_stops_is_available(
    five: Mapping[str, Operation], policy: Policy
) -> None:
    assert refusal_of(five[READ], policy) is None


@pytest.mark.parametrize("policy", [UNATTENDED, Policy(allow=("*",)), Policy(allow=(f"{READ}*",))])
@pytest.mark.parametrize("effect", ["read", "action"])
def test_what_touches_credentials_is_refused_unless_it_is_allowed_by_name(
    five: Mapping[str, Operation], effect: str, policy: Policy
) -> None:
    operation = kind_of(five, effect, "credential")

    assert refusal_of(operation, policy) == Refuse(
        f"{READ} touches credentials and is switched off here."
    )
    assert refusal_of(operation, Policy(allow=(READ,))) is None


def test_a_bulk_call_is_counted_and_bounded(five: Mapping[str, Operation]) -> None:
    policy = Policy(mode=Mode.UNATTENDED, max_bulk=3)

    assert judge(five[WRITE], policy, 3) == Allow()
    assert judge(five[WRITE], policy, 4) == Refuse(
        f"{WRITE} would touch 4 records; at most 3 may be touched in one call.",
        "Split the call into parts of at most 3 records.",
    )


def test_a_read_may_bring_as_many_records_as_it_likes(five: Mapping[str, Operation]) -> None:
    assert judge(five[READ], Policy(max_bulk=1), 1000) == Allow()


@pytest.mark.parametrize(
    ("traits", "records", "word"),
    [
        ((), 1, ""),
        (("idempotent",), 9, ""),
        (("bulk",), 1, ""),
        (("bulk",), 2, "2"),
        (("bulk", "outbound"), 2, "outbound"),
        (("outbound", "financial"), 1, "financial"),
        (("financial", "destructive"), 1, "destructive"),
        (("destructive", "irreversible"), 1, "irreversible"),
    ],
)
def test_a_dangerous_write_has_a_word_that_names_its_greatest_danger(
    five: Mapping[str, Operation], traits: tuple[str, ...], records: int, word: str
) -> None:
    assert typed_word(kind_of(five, "update", *traits), records) == word


def test_no_refusal_names_a_switch(five: Mapping[str, Operation]) -> None:
    refusals = [
        judge(five[READ], Policy(deny=("*",)), 1),
        judge(five[READ], Policy(allow=("x",)), 1),
        judge(kind_of(five, "read", "credential"), CONFIRM, 1),
        judge(five[WRITE], READ_ONLY, 1),
        judge(five[WRITE], Policy(max_bulk=1), 2),
    ]

    texts = [f"{found.reason} {found.hint}" for found in refusals if isinstance(found, Refuse)]
    assert len(texts) == len(refusals)
    assert not any(
        word in text
        for text in texts
        for word in ("CRM_MCP", "mode", "ALLOW", "DENY", "unattended", "--", "config", "file")
    )


@pytest.mark.parametrize(
    ("traits", "arguments", "records"),
    [
        ((), {"ids": [1, 2, 3]}, 1),
        (("bulk",), {"ids": [1, 2, 3], "area": "001"}, 3),
        (("bulk",), {"ids": [1, 2], "others": [3]}, 3),
    ],
)
def test_a_call_knows_how_many_records_it_touches(
    five: Mapping[str, Operation],
    traits: tuple[str, ...],
    arguments: dict[str, Any],
    records: int,
) -> None:
    operation = kind_of(five, "create", *traits)
    call = BoundCall(operation, arguments, bind(operation, {}), "account", "caller")

    assert call.records == records


def test_the_fingerprint_sees_everything_that_makes_a_call(
    five: Mapping[str, Operation], write_call: BoundCall
) -> None:
    other_arguments = {"area": "002", "customerProducts": [PRODUCT]}
    other_operation = five[WRITE].model_copy(update={"confirm": "Something else."})
    other_operation.__dict__.pop("digest", None)  # model_copy takes a cached one along
    others = [
        replace(write_call, account="another account"),
        replace(write_call, caller="another caller"),
        replace(write_call, arguments=other_arguments),
        replace(write_call, spec=bind(five[WRITE], other_arguments)),
        replace(write_call, operation=other_operation),
    ]

    assert len({call.fingerprint for call in (write_call, *others)}) == len(others) + 1


def test_the_order_of_arguments_does_not_change_the_fingerprint(
    five: Mapping[str, Operation], write_call: BoundCall
) -> None:
    again = call_of(five[WRITE], {"customerProducts": [PRODUCT], "area": "001"})

    assert again.fingerprint == write_call.fingerprint


def test_a_permit_is_good_for_its_request_once(read_call: BoundCall) -> None:
    gate = Gate(CONFIRM)
    permit = gate.permit(read_call)

    gate.spend(permit, read_call.spec)

    with pytest.raises(PermitError) as caught:
        gate.spend(permit, read_call.spec)
    assert str(caught.value) == f"{READ}: the permit was not issued here, or is used up"


def test_two_permits_for_one_request_are_two(read_call: BoundCall) -> None:
    gate = Gate(CONFIRM)
    one, two = gate.permit(read_call), gate.permit(read_call)

    gate.spend(two, read_call.spec)
    gate.spend(one, read_call.spec)

    assert one != two


@pytest.mark.parametrize(("seconds", "good"), [(59.999, True), (60.001, False)])
def test_a_permit_expires_after_a_minute(
    read_call: BoundCall, seconds: float, *, good: bool
) -> None:
    clock = Clock()
    gate = Gate(CONFIRM, clock)
    permit = gate.permit(read_call)
    clock.now += seconds

    told = ""
    try:
        gate.spend(permit, read_call.spec)
    except PermitError as error:
        told = str(error)

    assert told == ("" if good else f"{READ}: the permit has expired")


@pytest.mark.parametrize(
    ("value", "name"),
    [(Policy(), "mode"), (Permit("0", "0"), "digest"), (Refuse("no"), "reason"), (Ask(), "new")],
)
def test_what_was_decided_cannot_be_changed(value: Any, name: str) -> None:
    with pytest.raises((FrozenInstanceError, TypeError)):
        setattr(value, name, "other")


def test_expired_permits_do_not_pile_up(read_call: BoundCall) -> None:
    clock = Clock()
    gate = Gate(CONFIRM, clock)
    old = gate.permit(read_call)
    clock.now += PERMIT_SECONDS + 1

    gate.permit(read_call)
    clock.now -= PERMIT_SECONDS

    with pytest.raises(PermitError, match="not issued here"):
        gate.spend(old, read_call.spec)


def test_a_permit_for_another_request_is_worthless_and_gone(
    five: Mapping[str, Operation], read_call: BoundCall
) -> None:
    gate = Gate(CONFIRM)
    permit = gate.permit(read_call)
    other = bind(five[READ], {"area": "002"})

    with pytest.raises(PermitError) as caught:
        gate.spend(permit, other)
    assert str(caught.value) == f"{READ}: the permit is for another request"

    with pytest.raises(PermitError, match="used up"):
        gate.spend(permit, read_call.spec)


@pytest.mark.parametrize("forged", ["", "0" * 32])
def test_a_forged_permit_is_worthless(read_call: BoundCall, forged: str) -> None:
    gate = Gate(CONFIRM)
    gate.permit(read_call)

    with pytest.raises(PermitError, match="not issued here"):
        gate.spend(Permit(forged, read_call.spec.digest), read_call.spec)


def test_a_permit_of_another_gate_is_worthless(read_call: BoundCall) -> None:
    permit = Gate(CONFIRM).permit(read_call)

    with pytest.raises(PermitError, match="not issued here"):
        Gate(CONFIRM).spend(permit, read_call.spec)


@pytest.mark.parametrize("nothing", [None, object(), "token"])
def test_what_is_no_permit_is_refused(read_call: BoundCall, nothing: Any) -> None:
    with pytest.raises(PermitError, match="not issued here"):
        Gate(UNATTENDED).spend(nothing, read_call.spec)


def test_a_write_gets_a_permit_for_a_persons_yes_to_this_very_call(write_call: BoundCall) -> None:
    gate = Gate(CONFIRM)

    permit = gate.permit(write_call, consent_to(write_call))

    gate.spend(permit, write_call.spec)
    assert permit.digest == write_call.spec.digest


def test_a_write_gets_no_permit_without_a_yes(write_call: BoundCall) -> None:
    with pytest.raises(PermitError) as caught:
        Gate(CONFIRM).permit(write_call)

    assert str(caught.value) == f"{WRITE}: no permit without leave to send"


@pytest.mark.parametrize(
    "change", [{"caller": "another"}, {"account": "another"}, {"arguments": {"area": "002"}}]
)
def test_a_yes_to_another_call_is_no_yes(write_call: BoundCall, change: dict[str, Any]) -> None:
    other = replace(write_call, **change)

    with pytest.raises(PermitError, match="no permit without leave"):
        Gate(CONFIRM).permit(write_call, consent_to(other))


def test_a_write_needs_no_yes_where_the_operator_asks_for_none(write_call: BoundCall) -> None:
    gate = Gate(UNATTENDED)

    gate.spend(gate.permit(write_call), write_call.spec)


@pytest.mark.parametrize(
    "policy", [READ_ONLY, Policy(deny=(WRITE,)), Policy(allow=(READ,)), Policy(max_bulk=0)]
)
def test_what_is_refused_gets_no_permit_even_with_a_yes(
    write_call: BoundCall, policy: Policy
) -> None:
    with pytest.raises(PermitError, match="no permit without leave"):
        Gate(policy).permit(write_call, consent_to(write_call))


def test_an_operation_gets_no_permit_for_the_request_of_another(
    read_call: BoundCall, write_call: BoundCall
) -> None:
    smuggled = replace(read_call, spec=write_call.spec)

    with pytest.raises(PermitError) as caught:
        Gate(CONFIRM).permit(smuggled)

    assert str(caught.value) == f"{READ}: the request is another operation's"
