"""Find out whether and how a customer may be contacted."""

from crm_mcp.prompts.definition import CUSTOMER, SCOPE, VENDOR, Prompt, Step

CHECK_CONSENT = Prompt(
    name="check_consent",
    title="Check whether a customer may be contacted",
    description="On what lawful basis a customer's data may be used, and by which channels.",
    arguments=(CUSTOMER, VENDOR),
    task="Find out whether, and by which channels, we may contact a customer.",
    steps=(
        SCOPE,
        Step("consent_words", "Read what the categories and channels are called."),
        Step(
            "consent",
            "Find the customer's contacts with their lawful basis, by the company's name and by "
            "the person's. If several fit, list them all.",
            needed=True,
        ),
    ),
    outcome="Write for each contact: the lawful basis with its dates, whether it was withdrawn or "
    "has ended, and which channels are allowed for which category. Where the CRM says nothing, "
    "say that it says nothing: that is no permission. This is what the CRM holds, and no legal "
    "advice.",
)
