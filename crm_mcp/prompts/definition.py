"""What a prompt is made of: data, so that each prompt can be read as a whole in its own file."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Argument:
    """Something that a person types when they choose a prompt.

    `longest` counts characters. Line ends stay only where `lines` says so.
    """

    name: str
    title: str
    description: str
    longest: int
    required: bool = True
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and for what purpose; each vendor says which of its tools serve it.

    A vendor without a tool for a needed step cannot serve the prompt; another step is left out
    where no vendor has one.
    """

    purpose: str
    words: str
    needed: bool = False


@dataclass(frozen=True)
class Prompt:
    """A task that people give again and again, and the steps that it takes."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    task: str
    steps: tuple[Step, ...]
    outcome: str

    @cached_property
    def needed(self) -> frozenset[str]:
        """The purposes without which there is no use in this prompt."""
        return frozenset(step.purpose for step in self.steps if step.needed)


CUSTOMER = Argument(
    "customer", "Customer", "Name of the company or the person, as people call it.", longest=200
)
VENDOR = Argument(
    "vendor", "CRM", "Only this CRM; all that can help, if left out.", longest=40, required=False
)

SCOPE = Step(
    "scope",
    "Where other tools want the number of a company or a database area, list these first. If "
    "there are several and nothing says which is meant, ask me.",
)
FIND = Step(
    "find_customer",
    "Find the customer. If none fits, or several do, show me what there is, ask me which one I "
    "mean, and wait.",
    needed=True,
)
