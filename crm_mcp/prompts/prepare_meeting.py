"""Prepare a meeting with a customer."""

from crm_mcp.prompts.definition import CUSTOMER, FIND, SCOPE, VENDOR, Prompt, Step

PREPARE_MEETING = Prompt(
    name="prepare_meeting",
    title="Prepare a meeting with a customer",
    description="One page about a customer: who they are, what was said last, what is open.",
    arguments=(CUSTOMER, VENDOR),
    task="Prepare me for a meeting with a customer.",
    steps=(
        SCOPE,
        FIND,
        Step("customer", "Read the customer's record."),
        Step("people", "List the people there, and who decides."),
        Step("history", "Read the latest conversations and notes, newest first.", needed=True),
        Step("open_work", "Read what is open with them: deals, quotes, orders, jobs, tasks."),
    ),
    outcome="Write one page: who they are and whom I will meet; what was said and promised last, "
    "with dates; what is open, and what of it is late; three questions worth asking. Give for "
    "each statement the CRM and the record that it comes from.",
)
