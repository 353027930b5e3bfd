"""Views: the saved filters of Synergist, as a table and as the menu of a screen."""

import re
from collections.abc import Sequence

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said, as_whole
from crm_mcp.sandbox.synergist.world import EVERY_COMPANY, Record, Row, View, Viewer, World

_SELECT = "SELECTVIEW"
_TITLES = {"System views": True, "Saved views": False}

# What the menu calls the tables.
_TYPES = {
    "organization": "organizations",
    "contact": "contacts",
    "activity": "activities",
    "opportunity": "opportunities",
    "job": "jobs",
    "phase": "phases",
    "purchase": "purchases",
}


def find_view(world: World, types: tuple[str, ...], name: str) -> View:
    """Find the view of a table that a call names: by number, as it stands or as menus give it.

    Raises:
        RefusalError: the table has no such view.
    """
    has_prefix = name.upper().startswith(_SELECT)
    number = as_whole(name[len(_SELECT) :] if has_prefix else name, "view")
    for view in world.views:
        if view.type in types and view.number == number:
            return view
    raise RefusalError(f"invalid view {name}")


def through(
    view: View, world: World, ask: Ask, shown: Sequence[tuple[Record, Row]]
) -> list[Record]:
    """Look at records, each with all its fields, through a view."""
    viewer = Viewer(int(ask.user.key), world.today)
    kept = [entry for entry in shown if view.keeps(entry[1], viewer)]
    kept.sort(key=lambda entry: str(entry[1][view.sort]), reverse=view.descending)
    return [record for record, _ in kept]


def _list(world: World, ask: Ask) -> Said:
    views = _of_type(world, ask)
    named = {
        as_whole(text, "company") for text in re.split(r"[\r\n]+", ask.text("company")) if text
    }
    for number in named:
        world.find("company", number)
    meant = [view for view in views if not named or view.company in named | {EVERY_COMPANY}]
    return Rows([_row(view, order) for order, view in enumerate(meant, 1)])


def _of_type(world: World, ask: Ask) -> list[View]:
    """List the views of the table that a call names."""
    name = ask.required("type").lower()
    type_ = _TYPES.get(name, name)
    if type_ not in _TYPES.values():
        raise RefusalError(f"invalid type {name}")
    return [view for view in world.views if view.type.lower() == type_]


def _row(view: View, order: int) -> Row:
    return {
        "settings_uuid": view.uuid,
        "settingsTimeStampModified": int(story.TODAY.timestamp()),
        "settingsRecordVersionNumber": 0,
        "SettingsCompany": view.company,
        "SettingsDescription": view.description,
        "SettingsDisplayOrder": f"{order:02}",
        "SettingsSettingsID": view.number,
        "SettingsUserID": 0,
        "SettingsDefault": order == 1,
        "settingsSort": view.sort.upper(),
        "settingsSortDirection": "DESC" if view.descending else "ASC",
    }


def _menu(world: World, ask: Ask) -> Said:
    """Show views below a title each for those of Synergist and those of its users."""
    views = _of_type(world, ask)
    rows = []
    for title, is_system in _TITLES.items():
        meant = [view for view in views if (view.number < 0) == is_system]
        rows += [_entry("", title, level=title)] if meant else []
        rows += [_view_entry(view, title, default=view is views[0]) for view in meant]
    # The document's sample tells a total of 0 beside a row.
    return Rows(rows, counted=False)


def _view_entry(view: View, title: str, *, default: bool) -> Row:
    return _entry(f"{_SELECT}{view.number}", view.description, parent=title, default=default)


def _entry(
    click: str, description: str, *, level: str = "", parent: str = "", default: bool = False
) -> Row:
    return {
        "MenuClickAction": click,
        "MenuDefault": default,
        "MenuDescription": description,
        "MenuExpanded": False,
        "MenuLevelName": level,
        "MenuParentName": parent,
    }


AREA = Area({("views", ""): _list, ("menu", "viewlist"): _menu})
