"""Go through the pipeline once a week."""

from crm_mcp.prompts.definition import SCOPE, VENDOR, Prompt, Step

WEEKLY_PIPELINE_REVIEW = Prompt(
    name="weekly_pipeline_review",
    title="Review the pipeline of the week",
    description="All open deals: what moved, what stands still, and what is due this week.",
    arguments=(VENDOR,),
    task="Go through our open deals with me, as every week.",
    steps=(
        SCOPE,
        Step("stages", "Read what the stages and statuses mean."),
        Step("pipeline", "Read all open deals, page by page until there are no more.", needed=True),
        Step("changes", "Read what changed in the last 7 days."),
        Step("due", "Read what is to be done this week, and what is overdue."),
    ),
    outcome="Write a table of the open deals by stage, with customer, value in its own currency, "
    "owner and expected end. Then name what moved this week, what has stood still for 30 days or "
    "is past its expected end, and what is due. Never add amounts of different currencies. Say "
    "how many deals you read, and whether that was all of them.",
)
