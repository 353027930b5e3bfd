"""Tidewell's first activities: what was said and written in the story, and what is to be done."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.activity_table import ACTIVITY, stamp_of
from crm_mcp.sandbox.synergist.clients import client_code, contact_number
from crm_mcp.sandbox.synergist.company import user_named
from crm_mcp.sandbox.synergist.history import write_down
from crm_mcp.sandbox.synergist.job_seed import job_number
from crm_mcp.sandbox.synergist.reference import REQUISITION, USUAL_PRIORITY
from crm_mcp.sandbox.synergist.world import Record, World

_FIRST = 7001
_TYPES: Mapping[story.Way, str] = {"call": "CALL", "email": "MAIL", "sms": "CALL"}
_WORDS: Mapping[story.Way, str] = {"call": "Call", "email": "Email", "sms": "Text message"}
_TASKS: Mapping[story.Stage, str] = {
    "Proposed": "Ask what was decided",
    "Negotiating": "Send the changed offer",
    "Won": "Agree on a date for the delivery",
    "Lost": "Say hello next year",
}


def seed(world: World) -> None:
    """Add the activities, oldest first."""
    world.count_from(ACTIVITY, _FIRST)
    told: list[tuple[datetime, story.Person, Mapping[str, Any]]] = [
        *((talk.at, talk.person, _talk(talk)) for talk in story.TALKS),
        *((note.written, note.person, _remark(note)) for note in story.REMARKS),
        *((deal.opened, deal.person, _task(deal)) for deal in story.DEALS),
    ]
    for at, person, data in sorted(told, key=lambda entry: entry[0]):
        _add(world, at, person, data)
    won = [deal for deal in story.DEALS if deal.stage == "Won"]
    for deal in won:
        _add(world, story.day(2026, 2, 26), deal.person, _requisition(deal))


def _add(world: World, at: datetime, person: story.Person, data: Mapping[str, Any]) -> Record:
    world.now = at + timedelta(hours=10)
    owner = user_named(world, person.company.owner.name)
    values = {
        "activityClientCode": client_code(person.company),
        "activityClientContactInternalRef": contact_number(person),
        "activityOwnerID": owner.key,
        "activityStatus": "Normal",
        "activityPriorityID": USUAL_PRIORITY,
        **data,
        **stamp_of(world, owner),
    }
    activity = world.add(ACTIVITY, values)
    if activity["activityCompleted"]:
        write_down(world, activity, "Completed", owner)
    return activity


def _talk(talk: story.Talk) -> dict[str, Any]:
    way = "from" if talk.incoming else "to"
    return {
        "activityActivitytypeCode": _TYPES[talk.way],
        "activitySubject": f"{_WORDS[talk.way]} {way} {talk.person.name}",
        "activityDetails": f"{talk.minutes} minutes" if talk.minutes else "",
        "activityCompleted": True,
        "activityCompletedDate": f"{talk.at:%Y-%m-%d}",
    }


def _remark(remark: story.Remark) -> dict[str, Any]:
    return {
        "activityActivitytypeCode": "NOTES",
        "activitySubject": f"About {remark.person.name}",
        "activityDetails": remark.text,
    }


def _task(deal: story.Deal) -> dict[str, Any]:
    due = deal.opened + timedelta(days=14)
    number = job_number(deal)
    return {
        "activityActivitytypeCode": "TODO",
        "activitySubject": _TASKS[deal.stage],
        "activityJobNumber": number,
        "activityJobAndPhase": f"{number}.001",
        "activityDateDue": f"{due:%Y-%m-%d}",
        "activityTimeDue": "09:00:00",
        "activityPriorityID": 1 if deal.stage == "Negotiating" else USUAL_PRIORITY,
        "activityCategory": "Price" if deal.stage == "Negotiating" else "Delivery",
    }


def _requisition(deal: story.Deal) -> dict[str, Any]:
    """Ask for people who install what was sold."""
    number = job_number(deal)
    return {
        "activityActivitytypeCode": REQUISITION,
        "activitySubject": "Two fitters for a day",
        "activityDetails": f"{deal.quantity} x {deal.product.name}",
        "activityJobNumber": number,
        "activityJobAndPhase": f"{number}.003",
        "activityDateDue": "2026-03-06",
        "charge code": "1/INS",
        "hours": 16,
    }
