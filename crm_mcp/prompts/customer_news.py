"""What is new with a customer."""

from crm_mcp.prompts.definition import CUSTOMER, FIND, SCOPE, VENDOR, Prompt, Step

CUSTOMER_NEWS = Prompt(
    name="customer_news",
    title="What is new with a customer",
    description="What happened with a customer in the last two weeks, in a few lines.",
    arguments=(CUSTOMER, VENDOR),
    task="Tell me what is new with a customer: what happened in the last 14 days.",
    steps=(
        SCOPE,
        FIND,
        Step("history", "Read what was said, noted and done in this time.", needed=True),
        Step("open_work", "Read what was opened, moved on, won or lost in this time."),
    ),
    outcome="Write at most ten lines, newest first, each with its date and the record that it "
    "comes from. If nothing happened, say so, and when something last did.",
)
