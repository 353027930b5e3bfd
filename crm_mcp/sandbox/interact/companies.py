"""Customer companies of interact.io, with their groups and custom fields."""

from http import HTTPStatus
from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Access, Calls, CarryOut, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.views import company_row, custom_field_row, group_row
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    Ask,
    Said,
    created,
    is_text,
    is_whole,
    one_of,
    page,
    updated,
)
from crm_mcp.sandbox.interact.world import NOBODY, Kind, Record, World

_BELOW: tuple[Kind, ...] = ("group", "customField")


def _create(world: World, _: Record, ask: Ask) -> Said:
    fields = ask.fields({"name": is_text}, ("name",))
    return created(company_row(world, world.add("company", NOBODY, fields)))


def _list(world: World, _: Record, __: Ask) -> Said:
    return Said([company_row(world, company) for company in world.all("company")])


def _get(world: World, _: Record, ask: Ask) -> Said:
    return Said(company_row(world, world.find("company", ask.id)))


def _delete_many(world: World, _: Record, ask: Ask) -> Said:
    """Delete companies with their groups and custom fields, once they have no users."""
    companies = [world.find("company", number) for number in ask.ids]
    for company in companies:
        if _of(world, "user", company):
            raise RefusalError(What.BAD_REQUEST, f"company {company.id} still has users")
    for company in companies:
        for kind in _BELOW:
            for record in _of(world, kind, company):
                world.drop(record)
        world.drop(company)
    return DELETED


def _of(world: World, kind: Kind, company: Record) -> list[Record]:
    return [record for record in world.all(kind) if record["companyId"] == company.id]


def _create_group(world: World, _: Record, ask: Ask) -> Said:
    checks = {"name": is_text, "companyId": is_whole}
    fields = ask.fields(checks, checks)
    world.find("company", fields["companyId"])
    return created(group_row(world, world.add("group", NOBODY, fields)))


def _list_groups(world: World, _: Record, ask: Ask) -> Said:
    groups = _of(world, "group", world.find("company", ask.id))
    return Said([group_row(world, group) for group in groups])


def _get_group(world: World, _: Record, ask: Ask) -> Said:
    return Said(group_row(world, world.find("group", ask.id)))


def _update_group(world: World, _: Record, ask: Ask) -> Said:
    fields = ask.fields({"name": is_text}, ("name",))
    group = world.find("group", ask.id)
    world.change(group, fields)
    return updated(group_row(world, group))


def _delete_group(world: World, _: Record, ask: Ask) -> Said:
    _drop_group(world, world.find("group", ask.id))
    return DELETED


def _delete_groups(world: World, _: Record, ask: Ask) -> Said:
    for group in [world.find("group", number) for number in ask.ids]:
        _drop_group(world, group)
    return DELETED


def _drop_group(world: World, group: Record) -> None:
    for user in world.all("user"):
        if group.id in user["groups"]:
            world.change(user, {"groups": [n for n in user["groups"] if n != group.id]})
    world.drop(group)


def _create_field(world: World, user: Record, ask: Ask) -> Said:
    """Make a custom field; without a company it is made for the user's own."""
    checks = {
        "companyId": is_whole,
        "dataType": one_of("varchar"),
        "entityType": one_of("contact"),
        "name": is_text,
    }
    fields = ask.fields(checks, ("dataType", "entityType", "name"))
    company = fields.get("companyId") or user["companyId"]
    if company is None:
        raise RefusalError(What.MISSING, "companyId is missing")
    data = {**fields, "companyId": world.find("company", company).id}
    return created(custom_field_row(world.add("customField", NOBODY, data)))


def _list_fields(world: World, _: Record, ask: Ask) -> Said:
    """List a company's fields: the bare list, though a note tells of counts beside it."""
    fields = _of(world, "customField", world.find("company", ask.id))
    wanted = ask.query.get("entityType", "contact")
    found = [field for field in fields if field["entityType"] == wanted]
    return Said(page(ask, found, custom_field_row)["data"])


def _get_field(world: World, _: Record, ask: Ask) -> Said:
    return Said(custom_field_row(world.find("customField", ask.id)))


def _update_field(world: World, _: Record, ask: Ask) -> Said:
    fields = ask.fields({"name": is_text}, ("name",))
    field = world.find("customField", ask.id)
    world.change(field, fields)
    return updated(custom_field_row(field))


def _delete_fields(world: World, _: Record, ask: Ask) -> Said:
    for field in [world.find("customField", number) for number in ask.ids]:
        world.drop(field)
    return DELETED


def _company(
    carry_out: CarryOut, action: Action, missing: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> Entry:
    return Entry(carry_out, action, Realm.COMPANIES, Access.INTERACT_ADMIN, missing)


def _group(
    carry_out: CarryOut, action: Action, missing: HTTPStatus = HTTPStatus.BAD_REQUEST
) -> Entry:
    return Entry(carry_out, action, Realm.GROUPS, Access.CUSTOMER_ADMIN, missing)


def _field(carry_out: CarryOut, action: Action) -> Entry:
    return Entry(carry_out, action, Realm.CUSTOM_FIELDS, Access.CUSTOMER_ADMIN)


_404 = HTTPStatus.NOT_FOUND

CALLS: Calls = MappingProxyType(
    {
        "interact_companies_create": _company(_create, Action.CREATE),
        "interact_companies_list": _company(_list, Action.VIEW),
        "interact_companies_get": _company(_get, Action.VIEW, _404),
        "interact_companies_delete_many": _company(_delete_many, Action.DELETE),
        "interact_groups_create": _group(_create_group, Action.CREATE),
        "interact_company_groups_list": _group(_list_groups, Action.VIEW, _404),
        "interact_groups_get": _group(_get_group, Action.VIEW, _404),
        "interact_groups_update": _group(_update_group, Action.UPDATE),
        "interact_groups_delete_many": _group(_delete_groups, Action.DELETE),
        "interact_groups_delete": _group(_delete_group, Action.DELETE),
        "interact_custom_fields_create": _field(_create_field, Action.CREATE),
        "interact_company_custom_fields_list": _field(_list_fields, Action.VIEW),
        "interact_custom_fields_get": _field(_get_field, Action.VIEW),
        "interact_custom_fields_update": _field(_update_field, Action.UPDATE),
        "interact_custom_fields_delete_many": _field(_delete_fields, Action.DELETE),
    }
)
