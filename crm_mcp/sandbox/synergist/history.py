"""The history of activities: what was changed by whom, and comments."""

from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.reads import asked_companies, with_company
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

HISTORY = "activityhistory"

COMMENT, CHANGE, DOCUMENT_DELETED = 0, 3, 14
"""Categories of history; only the first and the last stand in the document's samples."""


def asked_activity(world: World, ask: Ask) -> Record:
    """Find the activity that a call names.

    Raises:
        RefusalError: it names none, or one that is not there.
    """
    name = next((name for name in ("activityid", "activity") if ask.text(name)), "")
    if not name:
        raise RefusalError("activityID is missing")
    return world.find("activity", ask.number(name))


def write_down(
    world: World, activity: Record, words: str, user: Record, *, category: int = CHANGE
) -> None:
    """Add to the history of an activity."""
    data = {
        "activity": activity.key,
        "detail": words,
        "user": user.key,
        "category": category,
        "at": world.now,
    }
    world.add(HISTORY, data, company=activity.company)


def history_of(world: World, activity: Record) -> list[Record]:
    """List the history of an activity, newest first."""
    return world.where(HISTORY, activity=activity.key)[::-1]


def summary_of(world: World, activity: Record) -> str:
    """Write the history of an activity in one text, a line for each entry."""
    return "".join(
        f"{entry['at']:%d/%m/%y} {clock(entry)} - {entry['detail']}\r"
        for entry in history_of(world, activity)
    )


def clock(record: Record) -> str:
    """Write the time of an entry as people read it: 1:02pm."""
    return f"{record['at']:%I:%M%p}".lstrip("0").lower()


def _comment(world: World, ask: Ask) -> Said:
    activity = asked_activity(world, ask)
    write_down(world, activity, ask.required("description"), ask.user, category=COMMENT)
    return Done("Comment created.")


def _list(world: World, ask: Ask) -> Said:
    return Rows([_row(world, entry) for entry in history_of(world, asked_activity(world, ask))])


def _row(world: World, entry: Record) -> Row:
    name = world.find("user", entry["user"])["userFullName"]
    at = entry["at"]
    return {
        "activityhistoryUuid": entry.uuid,
        "activityhistoryTimeStampModified": int(entry.modified.timestamp()),
        "activityhistoryRecordVersionNumber": entry.version,
        "activityhistoryComment": "",
        "activityhistoryCreatedByUserID": entry["user"],
        "activityhistoryDateCreated": f"{at:%Y-%m-%d}",
        "activityhistoryHistoryDetail": entry["detail"],
        "activityhistoryNotesHistoryCategory": entry["category"],
        "activityhistoryTimeCreated": f"{at:%H:%M:%S}",
        "activityhistoryCreatedByFullNAme": name,
        "activityhistoryCreatedDisplayDescription": (
            f"Created by {name} on {at:%d/%m/%Y} at {clock(entry)}"
        ),
    }


def _old_list(world: World, ask: Ask) -> Said:
    """List history in the older form, of one activity or of a company."""
    companies = asked_companies(world, ask)
    entries = [entry for entry in world.all(HISTORY) if entry.company in companies]
    if ask.text("notesid"):
        number = world.find("activity", ask.number("notesid")).key
        entries = [entry for entry in entries if entry["activity"] == number]
    return Rows([_old_row(entry) for entry in entries])


def _old_row(entry: Record) -> Row:
    return {
        "activityhistoryUuid": entry.uuid,
        "activityhistoryTimeStampModified": int(entry.modified.timestamp()),
        "activityhistoryRecordVersionNumber": entry.version,
        "activityhistoryNotesID": entry["activity"],
        "activityhistoryNotesHistoryID": entry.key,
        "activityhistoryDateCreated": f"{entry['at']:%Y-%m-%d}",
        "activityhistoryTimeCreated": f"{entry['at']:%H:%M:%S}",
        "activityhistoryComment": "",
    }


CALLS: Calls = {
    ("activities", "comment"): _comment,
    ("activities", "history"): _list,
    ("activityhistory", ""): _list,
    ("acthistory", ""): with_company(_old_list),
}
