"""Log a call with a customer."""

from crm_mcp.prompts.definition import CUSTOMER, FIND, SCOPE, VENDOR, Argument, Prompt, Step

WHAT = Argument(
    "what",
    "What was said",
    "What the call was about and what came of it, in your own words.",
    longest=4_000,
    lines=True,
)

LOG_CALL = Prompt(
    name="log_call",
    title="Log a call with a customer",
    description="Record a call at the right customer, after a person has seen the entry.",
    arguments=(CUSTOMER, WHAT, VENDOR),
    task="Log a call that I had with a customer.",
    steps=(
        SCOPE,
        FIND,
        Step("people", "Find the person I spoke with, if I named one."),
        Step(
            "log_choices", "Look up the ids that the entry needs, such as its type and its owner."
        ),
        Step(
            "log",
            "Write one entry about the call: what was said, with nothing added and nothing left "
            "out. If the customer stands in several CRMs, ask me first which one it belongs to.",
            needed=True,
        ),
        Step(
            "follow_up",
            "If something was promised, propose a follow-up with its date, and create it only if "
            "I say so.",
        ),
    ),
    outcome="Tell me which entry was made where, with its id, or why there is none.",
)
