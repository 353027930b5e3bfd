"""Pictures and basicinfos of the interact stand-in."""

import base64
from collections.abc import AsyncIterator

import pytest
from interact_caller import OWEN, Caller, Row, code, logged_in, refused

from crm_mcp.sandbox.interact.errors import Action, Realm, What

PNG = b"\x89PNG\r\n\x1a\n and so on"
JPEG = b"\xff\xd8\xff\xe0 and so on"
GIF = b"GIF89a and so on"
NOWHERE = 999_999

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


async def pictures_of(crm: Caller, name: str) -> list[Row]:
    contact = await crm.contact(name)
    found: list[Row] = await crm.call("interact_contact_pictures_list", id=contact["id"])
    return found


async def uploaded(crm: Caller, name: str, content: bytes, **more: bool) -> Row:
    contact = await crm.contact(name)
    return await crm.made(
        "interact_pictures_create", contactId=contact["id"], base64=encoded(content), **more
    )


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (b"something else", "application/octet-stream"),
    ],
)
async def test_an_uploaded_picture_is_served_under_its_address(
    crm: Caller, content: bytes, media_type: str
) -> None:
    picture = await uploaded(crm, "Nils Sandberg", content)
    reply = await crm.http.get(picture["url"])
    assert (reply.status_code, reply.content) == (200, content)
    assert reply.headers["content-type"] == media_type


async def test_an_upload_is_answered_with_200_and_201_in_the_body(crm: Caller) -> None:
    nils = await crm.contact("Nils Sandberg")
    arguments = {"contactId": nils["id"], "base64": encoded(PNG)}
    reply = await crm.send("interact_pictures_create", arguments)
    body = reply.json()
    assert (reply.status_code, body["code"], list(body)) == (
        200,
        201,
        ["code", "devmsg", "entity"],
    )
    assert list(body["entity"]) == ["id", "isDefault", "type", "url"]
    assert body["entity"]["type"] == "interact"
    assert await crm.call("interact_pictures_get", id=body["entity"]["id"]) == body["entity"]


async def test_a_contact_shows_its_pictures(crm: Caller) -> None:
    (picture,) = await pictures_of(crm, "Eleanor Whitby")
    shown = (await crm.contact("Eleanor Whitby"))["pictures"]
    assert shown == [{"type": "interact", "url": picture["url"]}]
    assert (await crm.http.get(picture["url"])).content.startswith(b"\x89PNG")


async def test_the_first_picture_is_the_default_one_until_another_is_marked(
    crm: Caller,
) -> None:
    first = await uploaded(crm, "Nils Sandberg", PNG)
    second = await uploaded(crm, "Nils Sandberg", JPEG)
    third = await uploaded(crm, "Nils Sandberg", GIF, isDefault=True)
    marks = [picture["isDefault"] for picture in (first, second, third)]
    assert marks == [True, False, True]
    now = [picture["isDefault"] for picture in await pictures_of(crm, "Nils Sandberg")]
    assert now == [False, False, True]


async def test_another_upload_replaces_a_picture_and_its_address(crm: Caller) -> None:
    before = await uploaded(crm, "Nils Sandberg", PNG)
    after = await crm.made("interact_pictures_update", id=before["id"], base64=encoded(GIF))
    assert after == {**before, "url": after["url"]}
    assert (await crm.http.get(after["url"])).content == GIF
    assert (await crm.http.get(before["url"])).status_code == 404
    assert (await crm.http.post(after["url"])).status_code == 404


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"base64": "AAAA"}, What.MISSING),
        ({"contactId": NOWHERE, "base64": "AAAA"}, What.CONTACT),
        ({"contactId": NOWHERE, "base64": "no base64!"}, What.INVALID),
        ({"contactId": NOWHERE, "base64": "ä"}, What.INVALID),
        ({"contactId": NOWHERE}, What.MISSING),
    ],
)
async def test_an_upload_needs_a_contact_and_base64(crm: Caller, body: Row, what: What) -> None:
    found = refused(await crm.authorised("PUT", "/pictures", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.CONTACTS))


async def test_a_picture_of_another_system_is_marked_but_not_replaced_or_deleted(
    crm: Caller,
) -> None:
    (foreign,) = await pictures_of(crm, "Lena Brandt")
    mine = await uploaded(crm, "Lena Brandt", PNG)
    unmarked = await crm.made("interact_pictures_update", id=foreign["id"], isDefault=False)
    assert unmarked == {**foreign, "isDefault": False}
    found = await crm.refusal("interact_pictures_update", id=foreign["id"], base64=encoded(PNG))
    assert found == (400, code(What.FOREIGN_PICTURE, Action.UPDATE, Realm.CONTACTS))
    refusal = (400, code(What.FOREIGN_PICTURE, Action.DELETE, Realm.CONTACTS))
    assert await crm.refusal("interact_pictures_delete", id=foreign["id"]) == refusal
    both = [mine["id"], foreign["id"]]
    assert await crm.refusal("interact_pictures_delete_many", ids=both) == refusal
    assert len(await pictures_of(crm, "Lena Brandt")) == 2


async def test_pictures_are_deleted_alone_and_together(crm: Caller) -> None:
    made = [await uploaded(crm, "Nils Sandberg", content) for content in (PNG, GIF, JPEG)]
    first, *others = [picture["id"] for picture in made]
    assert await crm.call("interact_pictures_delete", id=first) == {
        "code": 204,
        "devmsg": "success",
    }
    await crm.call("interact_pictures_delete_many", ids=others)
    assert await pictures_of(crm, "Nils Sandberg") == []
    found = await crm.refusal("interact_pictures_get", id=first)
    assert found == (400, code(What.PICTURE, Action.VIEW, Realm.CONTACTS))


async def test_pictures_of_others_are_not_found(crm: Caller) -> None:
    (picture,) = await pictures_of(crm, "Eleanor Whitby")
    async with logged_in(crm.sandbox, **OWEN) as owen:
        found = await owen.refusal("interact_pictures_delete", id=picture["id"])
    assert found == (400, code(What.PICTURE, Action.DELETE, Realm.CONTACTS))


# Basicinfos


async def test_a_number_of_nobody_is_made_to_be_left_out(crm: Caller) -> None:
    sent = {"type": "phone", "value": "0161 496 0140", "excluded": True}
    made = await crm.made("interact_basicinfos_create", **sent)
    assert made == {"id": made["id"], **sent}
    changed = await crm.made("interact_basicinfos_update", id=made["id"], excluded=False)
    assert changed == {**made, "excluded": False}


async def test_a_number_of_a_contact_is_changed_there_without_a_new_version(
    crm: Caller,
) -> None:
    nils = await crm.contact("Nils Sandberg")
    phone = nils["basicInfos"][1]
    changed = await crm.made("interact_basicinfos_update", id=phone["id"], subtype="home")
    assert changed == {**phone, "subtype": "home"}
    after = await crm.contact("Nils Sandberg")
    assert (after["basicInfos"][1], after["version"]) == (changed, nils["version"])


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"type": "phone"}, What.MISSING),
        ({"type": "phone", "value": ""}, What.MISSING),
        ({"type": "phone", "value": "1", "identifier": "x"}, What.BAD_REQUEST),
    ],
)
async def test_a_basicinfo_needs_type_and_value(crm: Caller, body: Row, what: What) -> None:
    found = refused(await crm.authorised("PUT", "/basicInfos", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.BASIC_INFOS))


async def test_a_basicinfo_is_never_emptied_and_must_be_known(crm: Caller) -> None:
    made = await crm.made("interact_basicinfos_create", type="phone", value="0161 496 0140")
    found = refused(await crm.authorised("POST", f"/basicInfos/{made['id']}", json={"value": ""}))
    assert found == (400, code(What.INVALID, Action.UPDATE, Realm.BASIC_INFOS))
    found = await crm.refusal("interact_basicinfos_update", id=NOWHERE, excluded=True)
    assert found == (400, code(What.BASIC_INFO, Action.UPDATE, Realm.BASIC_INFOS))
