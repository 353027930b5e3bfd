"""Step 5: may this call go to the wire? Pure, from the operation's effect and the policy.

The verdict comes from what an operation does to data, never from its HTTP method. Only the gate
here makes permits; the client's `send` takes nothing without one.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from crm_mcp.errors import PermitError
from crm_mcp.ledger import Consent
from crm_mcp.operation import Operation, Trait
from crm_mcp.request import RequestSpec
from crm_mcp.rights import FULL, Rights
from crm_mcp.undo import Undoing

PERMIT_SECONDS = 60.0
ALL = "all"
"""In the place of a trait: every write."""
_DANGERS: tuple[Trait, ...] = ("irreversible", "destructive", "financial", "outbound")


class Mode(StrEnum):
    """How writes are treated: not at all, with a person's yes, or without asking."""

    READ_ONLY = "read_only"
    CONFIRM = "confirm"
    UNATTENDED = "unattended"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows; nothing in a call can change it.

    `four_eyes` are the traits of writes that somebody else than the caller must approve. `within`
    is the wider policy that this one narrows: what that one refuses is refused.
    """

    mode: Mode = Mode.CONFIRM
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    accept_inferred: tuple[str, ...] = ()
    max_bulk: int = 25
    writes_per_hour: int = 200
    four_eyes: tuple[str, ...] = ()
    within: "Policy | None" = None


@dataclass(frozen=True, slots=True)
class Allow:
    """It may go at once."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must say yes first."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It may not go; the text names no switch, so that nobody learns a way around it."""

    reason: str
    hint: str = "Tell the person: only the operator of this server can change that."


Verdict = Allow | Ask | Refuse


def judge(operation: Operation, policy: Policy, records: int, rights: Rights = FULL) -> Verdict:
    """Decide about one call that would touch so many records, by a caller with these rights."""
    refusal = refusal_of(operation, policy)
    if refusal is not None:
        return refusal
    if scope := rights.missing(operation):
        return Refuse(
            f"{operation.name} needs the scope {scope}, which this caller does not have.",
            hint="Tell the person: the operator of this server gives out scopes.",
        )
    if operation.is_write and records > policy.max_bulk:
        return Refuse(
            f"{operation.name} would touch {records} records; at most {policy.max_bulk} may be "
            "touched in one call.",
            hint=f"Split the call into parts of at most {policy.max_bulk} records.",
        )
    asks = operation.asks and (_someone_asks(policy) or needs_two(operation, policy))
    return Ask() if asks else Allow()


def _someone_asks(policy: Policy) -> bool:
    """Whether this policy, or a wider one, wants a person's yes before a write."""
    wider = policy.within is not None and _someone_asks(policy.within)
    return wider or policy.mode is not Mode.UNATTENDED


def refusal_of(operation: Operation, policy: Policy) -> Refuse | None:
    """Say why an operation is not available at all, if so; listing and calling both ask this."""
    wider = refusal_of(operation, policy.within) if policy.within else None
    return wider or _own_refusal_of(operation, policy)


def _own_refusal_of(operation: Operation, policy: Policy) -> Refuse | None:
    if _named(operation, policy.deny):
        return Refuse(f"{operation.name} is switched off here.")
    if policy.allow and not _named(operation, policy.allow):
        return Refuse(f"{operation.name} is not among the tools switched on here.")
    # Where the wider policy names it in full, a narrower one that names none at all leaves it.
    named_in_full = _names(operation) & set(policy.allow)
    if "credential" in operation.traits and not (named_in_full or policy.within):
        return Refuse(f"{operation.name} touches credentials and is switched off here.")
    if operation.asks and policy.mode is Mode.READ_ONLY:
        return Refuse(f"{operation.name} would change data, and this server only reads.")
    unasked_guess = policy.mode is Mode.UNATTENDED and _is_guess(operation)
    if unasked_guess and not _named(operation, policy.accept_inferred):
        return Refuse(
            f"{operation.name} would change data by a call that the vendor does not document and "
            "that was inferred from weak signs, and nobody is asked here before it is sent."
        )
    return None


def _is_guess(operation: Operation) -> bool:
    """Whether a write may turn out to be another one than its name says."""
    return operation.asks and operation.source.evidence == "inferred-weak"


def needs_two(operation: Operation, policy: Policy) -> bool:
    """Whether somebody else than the caller must say yes: a dialog of theirs is not enough."""
    return operation.asks and not {ALL, *operation.traits}.isdisjoint(policy.four_eyes)


def typed_word(operation: Operation, records: int) -> str:
    """Give the word a person types before a dangerous write; empty for the others.

    It is what makes the write dangerous, or for many records their number, so that nobody can type
    it who has not read the question.
    """
    for trait in _DANGERS:
        if trait in operation.traits:
            return trait
    return str(records) if "bulk" in operation.traits and records > 1 else ""


def _named(operation: Operation, globs: tuple[str, ...]) -> bool:
    names = _names(operation)
    if not names.isdisjoint(globs):
        return True  # most are named in full, which is found faster
    return any(fnmatchcase(name, glob) for name in names for glob in globs)


def _names(operation: Operation) -> set[str]:
    """Give the present name and the former ones: a policy may name either."""
    return {operation.name, *operation.aliases}


@dataclass(frozen=True)
class BoundCall:
    """One call, complete: what a permit and a person's answer are bound to."""

    operation: Operation
    arguments: Mapping[str, Any]
    spec: RequestSpec
    account: str
    caller: str
    undoing: Undoing | None = None
    rights: Rights = FULL
    asked: "BoundCall | None" = None
    """The call as it came, where arguments that it left out were filled from the record."""

    @property
    def records(self) -> int:
        """How many records the call touches."""
        return self.operation.count_records(self.arguments)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts of write-only arguments, such as a new password: nobody reads them again."""
        schemas = self.operation.properties
        given = ((value, schemas.get(name, {})) for name, value in self.arguments.items())
        return tuple(
            value for value, schema in given if isinstance(value, str) and schema.get("writeOnly")
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that makes this call this call."""
        if self.asked is not None:  # what was filled in is bound by the digest of the record
            return self.asked.fingerprint
        operation = self.operation
        parties = [self.account, self.caller, self.undoing.number if self.undoing else None]
        bound = [operation.name, operation.digest, self.arguments, self.spec.digest, *parties]
        return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one request, once; worthless for any other, and after a minute."""

    token: str
    digest: str


class Gate:
    """Issues permits and takes them in; judges every request itself, once more."""

    def __init__(self, policy: Policy, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._out: dict[str, tuple[float, str, str]] = {}

    def narrowed(self, policy: Policy) -> "Gate":
        """Make a gate of a narrower policy; what it issues is taken in here too."""
        gate = Gate(policy, self._clock)
        gate._out = self._out
        return gate

    def entrance(self, account: str) -> "Entrance":
        """Make the gate as the client of one account has it."""
        return Entrance(self, account)

    def permit(self, call: BoundCall, consent: Consent | None = None) -> Permit:
        """Issue a permit for what the policy allows, or for what a person agreed to.

        Raises:
            PermitError: refused by the policy, or a person's yes to this very call is missing.
        """
        operation = call.operation
        verdict = judge(operation, self._policy, call.records, call.rights)
        agreed = consent is not None and consent.fingerprint == call.fingerprint
        if isinstance(verdict, Refuse) or (isinstance(verdict, Ask) and not agreed):
            raise PermitError(f"{operation.name}: no permit without leave to send")
        if call.spec.operation != operation.name:
            raise PermitError(f"{operation.name}: the request is another operation's")
        now = self._clock()
        for token in [token for token, (expires, *_) in self._out.items() if expires <= now]:
            del self._out[token]
        permit = Permit(secrets.token_hex(16), call.spec.digest)
        self._out[permit.token] = (now + PERMIT_SECONDS, permit.digest, call.account)
        return permit

    def spend(self, permit: Permit, spec: RequestSpec, account: str | None = None) -> None:
        """Take a permit in; it is gone afterwards, also when it did not fit.

        Args:
            permit: as the gate issued it.
            spec: what is to be sent.
            account: where it is to be sent, if that is known here.

        Raises:
            PermitError: never issued, used already, expired, or issued for another request, or
                for the same at another account.
        """
        out = self._out.pop(getattr(permit, "token", ""), None)
        if out is None:
            raise PermitError(f"{spec.operation}: the permit was not issued here, or is used up")
        expires, digest, issued_for = out  # what was issued counts, not what the holder says
        if self._clock() > expires:
            raise PermitError(f"{spec.operation}: the permit has expired")
        if digest != spec.digest:
            raise PermitError(f"{spec.operation}: the permit is for another request")
        if account not in (None, issued_for):
            raise PermitError(f"{spec.operation}: the permit is for another account")


@dataclass(frozen=True)
class Entrance:
    """The gate as one account's client has it: takes in permits of that account's calls alone."""

    gate: Gate
    account: str

    def spend(self, permit: Permit, spec: RequestSpec) -> None:
        """Take a permit in.

        Raises:
            PermitError: it does not fit this request at this account.
        """
        self.gate.spend(permit, spec, self.account)
