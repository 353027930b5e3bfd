"""Which expense sheets or lines a call means, and doing one thing to all of them.

A call names one by number or uuid, or several by a JSON array of numbers; those have an action of
their own. Of several, those that cannot be done are left, and a warning says how many were.
"""

from collections.abc import Callable
from dataclasses import dataclass

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.wire import Ask, Done
from crm_mcp.sandbox.synergist.world import Record, World


@dataclass(frozen=True)
class Words:
    """How one thing is called.

    Args:
        kind: of the records; also the parameter that names them.
        name: what people call one.
    """

    kind: str
    name: str


def meant(world: World, ask: Ask, words: Words) -> Record:
    """Find the one that a call means, by number or uuid.

    Raises:
        RefusalError: it names none, several, or one that is not there.
    """
    uuid = ask.text("uuid").upper()
    if uuid and not ask.text(words.kind):
        for record in world.all(words.kind):
            if record.uuid == uuid:
                return record
        raise RefusalError(f"{words.name} {uuid} not found")
    numbers = ask.numbers(words.kind)
    if len(numbers) > 1:
        raise RefusalError(f"action {ask.action} takes one {words.name}")
    return world.find(words.kind, numbers[0])


def do_one(
    world: World, ask: Ask, words: Words, carry_out: Callable[[Record], None], done: str
) -> Done:
    """Do something to the one that a call means."""
    carry_out(meant(world, ask, words))
    return Done(f"{words.name.capitalize()} {done}.")


def do_several(
    world: World, ask: Ask, words: Words, carry_out: Callable[[Record], None], done: str
) -> Done:
    """Do something to all that a call means; a warning tells if that was not possible for some.

    Raises:
        RefusalError: it was possible for none.
    """
    if not ask.text(words.kind):
        return do_one(world, ask, words, carry_out, done)
    numbers = ask.numbers(words.kind)
    refusals = []
    for number in numbers:
        before = world.snapshot()
        try:
            carry_out(world.find(words.kind, number))
        except RefusalError as refusal:
            world.restore(before)
            refusals.append(refusal)
    if len(refusals) == len(numbers):
        raise refusals[0]
    if refusals:
        count = len(numbers) - len(refusals)
        warning = f"{count} of {len(numbers)} {words.name.capitalize()} {done}."
        return Done("", warning=warning)
    return Done(f"{words.name.capitalize()} {done}.")
