"""Models, meta-data, filters and views of the Synergist stand-in."""

import pytest
from synergist_caller import Crm, values


@pytest.fixture
def crm() -> Crm:
    return Crm()


# Models and meta-data


def test_a_list_shows_less_than_the_details(crm: Crm) -> None:
    (few,) = crm.rows("activities", activityid=7010, modelstructure="activitylist")
    many = crm.row(
        "activities", activityid=7010, style="modeldata", modelstructure="ActivityDetails"
    )
    assert "activityDetails" not in few
    assert many["activityDetails"] == ""
    assert few["activitySubject"] == many["activitySubject"] == "Agree on a date for the delivery"


def test_without_a_model_one_record_is_shown_in_detail_and_many_are_listed(crm: Crm) -> None:
    assert "activityDetails" in crm.row("activities", activity=7010)
    assert "activityDetails" not in crm.rows("activities")[0]
    assert "phaseDescription" in crm.row("phases", job="1/00001001.001")
    assert "phaseDescription" not in crm.rows("phases", view=-1307)[0]


@pytest.mark.parametrize(
    ("area", "model"),
    [
        ("activities", "activitylist"),
        ("activities", "activitydetails"),
        ("attachments", "attachmentslist"),
        ("attachments", "attachmentdetails"),
        ("clients", "clientslist"),
        ("clients", "clientdetails"),
        ("clientcontacts", "clientcontactdetails"),
        ("jobs", "jobslist"),
        ("jobs", "jobdetails"),
        ("phases", "phaseslist"),
        ("phases", "phasedetails"),
    ],
)
def test_the_meta_data_name_exactly_the_fields_of_the_model(
    crm: Crm, area: str, model: str
) -> None:
    parameters = {"company": 1, "modelstructure": model}
    structure = crm.reply(area, style="modelstructure", **parameters)
    assert structure["totalrows"] == 0
    entries = structure["data"]
    shown = crm.rows(area, **parameters)[0]
    assert values(entries, "data") == list(shown)[3:]
    assert values(entries, "displayorder") == list(range(len(entries)))
    assert all(entry["label"] for entry in entries)
    for entry in entries:
        expected = (int, float) if entry["fieldtype"] == "number" else (str, bool, list)
        assert isinstance(shown[entry["data"]], expected)


def test_the_meta_data_tell_labels_types_and_what_may_be_written(crm: Crm) -> None:
    rows = crm.rows("activities", style="modelstructure", modelstructure="activitydetails")
    entries = {row.pop("data"): row for row in rows}
    told = ("label", "fieldtype", "align", "editable", "mandatory")
    assert {
        name: tuple(entries[name][key] for key in told)
        for name in (
            *("activityClientCode", "activityOwnerID", "activityCustomField302"),
            *("activityDateDue", "activityTimeDue", "activityCompleted"),
        )
    } == {
        "activityClientCode": ("Client code", "text", "", True, True),
        "activityOwnerID": ("Owner ID", "number", "right", True, False),
        "activityCustomField302": ("Sample due back", "date", "", True, False),
        "activityDateDue": ("Date due", "date", "", True, False),
        "activityTimeDue": ("Time due", "time", "", True, False),
        "activityCompleted": ("Completed", "boolean", "", True, False),
    }


# Filters


@pytest.mark.parametrize(
    ("area", "parameters", "name", "found"),
    [
        ("activities", {"client": "1/CAL001"}, "activityClientCode", ["1/CAL001"] * 8),
        ("activities", {"client": "1/cal001"}, "activityClientCode", ["1/CAL001"] * 8),
        ("activities", {"job": "1/00001001"}, "activityID", [7010, 7032]),
        ("activities", {"jobphase": "1/00001001.003"}, "activityID", [7032]),
        (
            "clientcontacts",
            {"company": 1, "client": "1/NOR001"},
            "clientcontactInternalRef",
            [8604, 8605],
        ),
        ("clients", {"clientcode": "1/MOO001"}, "clientName", ["Moorfield Analytics Ltd"]),
        ("jobs", {"client": "1/CAL001"}, "jobNumber", ["1/00000801", "1/00001001", "1/00001002"]),
        ("jobs", {"clientcontact": 8603}, "jobContactFullName", ["Harriet Lowe"]),
        ("jobs", {"company": 2, "client": "2/LIN001"}, "jobNumber", ["2/00001005"]),
        ("phases", {"job": "1/00001001"}, "phasePhase", ["001", "002", "003"]),
        ("phases", {"client": "1/MOO001"}, "phasePhase", ["001", "001", "002", "003"]),
        ("attachments", {"activity": 7010}, "attachmentID", [5501, 5502]),
        ("attachments", {"job": "1/00001001"}, "attachmentID", [5501, 5502]),
    ],
)
def test_a_key_field_filters(
    crm: Crm, area: str, parameters: dict[str, object], name: str, found: list[object]
) -> None:
    assert values(crm.rows(area, **parameters), name) == found


def test_several_filters_must_all_fit(crm: Crm) -> None:
    both = {"client": "1/CAL001", "clientcontact": 8602}
    assert values(crm.rows("jobs", **both), "jobNumber") == ["1/00001002"]
    assert crm.rows("jobs", client="1/BRI001", clientcontact=8602) == []


def test_a_key_field_that_a_table_does_not_have_leaves_nothing(crm: Crm) -> None:
    assert crm.rows("activities", supplier="1/ASH001") == []


def test_empty_and_unknown_parameters_are_overlooked(crm: Crm) -> None:
    everything = crm.rows("activities")
    assert crm.rows("activities", client="", view="", _="1499954251810_") == everything


def test_a_filter_takes_several_values_as_json(crm: Crm) -> None:
    rows = crm.rows("jobs", job=["1/00001001", "1/00001004"])
    assert values(rows, "jobNumber") == ["1/00001001", "1/00001004"]
    assert len(crm.rows("jobs", company=[1, 2])) == 21
    assert values(crm.rows("jobs", company=2), "jobNumber") == ["2/00000900", "2/00001005"]


def test_words_are_found_in_any_text_of_a_record(crm: Crm) -> None:
    found = crm.rows("jobs", search="ACOUSTIC booth")
    assert values(found, "jobNumber") == ["1/00001005", "1/00002001"]
    assert values(crm.rows("organizations", company=1, search="hamburg"), "clientCode") == [
        "1/NOR001"
    ]


def test_a_record_is_found_by_its_uuid(crm: Crm) -> None:
    uuid = crm.row("jobs", job="1/00001003")["jobUuid"]
    assert values(crm.rows("jobs", uuid=uuid.lower()), "jobNumber") == ["1/00001003"]
    assert crm.rows("jobs", uuid="0" * 32) == []


def test_records_are_found_by_the_time_of_their_change(crm: Crm) -> None:
    stamps = sorted(row["activityTimeStampModified"] for row in crm.rows("activities"))
    middle = stamps[16]
    later = crm.rows("activities", timestampfrom=middle)
    earlier = crm.rows("activities", timestampto=middle - 1)
    assert len(later) + len(earlier) == 33
    assert min(values(later, "activityTimeStampModified")) == middle
    assert max(values(earlier, "activityTimeStampModified")) < middle


@pytest.mark.parametrize(
    "area", ["organizations", "clientcontacts", "acthistory", "estimates", "quotes", "thermos"]
)
def test_a_call_that_must_name_a_company_says_so(crm: Crm, area: str) -> None:
    assert crm.why(area) == "company is missing"


# Views


@pytest.mark.parametrize(
    ("area", "view", "name", "expected"),
    [
        (
            "clients",
            -1002,
            "clientName",
            ["Mainbogen Kliniken GmbH", "Moorfield Analytics Ltd", "Ostvik Bryggeri AB"],
        ),
        ("clients", "SELECTVIEW44486", "clientCode", ["1/CAL001", "1/LIN001", "1/NOR001"]),
        ("jobs", -1501, "jobNumber", ["1/00001004", "1/00001002", "1/00001003", "1/00002001"]),
        ("jobs", -1305, "jobNumber", ["1/00000805"]),
        (
            "activities",
            -1705,
            "activityID",
            [7003, 7006, 7010, 7014, 7017, 7023],
        ),
    ],
)
def test_a_view_filters_and_sorts(
    crm: Crm, area: str, view: object, name: str, expected: list[object]
) -> None:
    assert values(crm.rows(area, view=view, company=1), name) == expected


@pytest.mark.parametrize(
    ("area", "view", "count"),
    [
        ("clients", -1001, 6),
        ("clientcontacts", -1101, 12),
        ("jobs", -1300, 19),
        ("jobs", -1303, 11),
        ("phases", -1300, 35),
        ("phases", -1307, 15),
        ("activities", -1700, 33),
        ("activities", -1703, 1),
    ],
)
def test_a_view_goes_together_with_a_company(crm: Crm, area: str, view: int, count: int) -> None:
    assert len(crm.rows(area, view=view, company=1)) == count


def test_what_is_mine_depends_on_who_looks(crm: Crm) -> None:
    mine = values(crm.rows("activities", view=-1703), "activityOwnerName")
    owen = Crm(user="owen", password="sandbox-password-of-owen")
    theirs = values(owen.rows("activities", view=-1703), "activityOwnerName")
    assert (set(mine), set(theirs)) == ({"Maya Thornbury"}, {"Owen Pritchard"})


def test_views_are_listed_by_table_and_company(crm: Crm) -> None:
    rows = crm.rows("views", type="organizations")
    assert values(rows, "SettingsSettingsID") == [-1001, -1002, 44486]
    assert values(rows, "SettingsDisplayOrder") == ["01", "02", "03"]
    assert values(rows, "settingsSortDirection") == ["ASC"] * 3
    for company, count in ((1, 3), (2, 2), ("2\r1", 3)):
        assert len(crm.rows("views", type="Organizations", company=company)) == count
    assert values(crm.rows("views", type="jobs"), "settingsSortDirection")[-1] == "DESC"


def test_every_listed_view_can_be_looked_through(crm: Crm) -> None:
    areas = {"organizations": "clients", "contacts": "clientcontacts", "opportunities": "jobs"}
    for type_ in ("organizations", "contacts", "activities", "opportunities", "jobs", "phases"):
        rows = crm.rows("views", type=type_)
        assert rows
        for row in rows:
            area = areas.get(type_, type_)
            assert crm.rows(area, view=row["SettingsSettingsID"], company=1)


def test_a_menu_shows_views_below_titles(crm: Crm) -> None:
    reply = crm.reply("menu", action="viewlist", type="organization", company=1)
    assert reply["totalrows"] == 0
    names = ("MenuClickAction", "MenuDescription", "MenuLevelName", "MenuParentName", "MenuDefault")
    assert [tuple(row[name] for name in names) for row in reply["data"]] == [
        ("", "System views", "System views", "", False),
        ("SELECTVIEW-1001", "Active clients", "", "System views", True),
        ("SELECTVIEW-1002", "Prospects", "", "System views", False),
        ("", "Saved views", "Saved views", "", False),
        ("SELECTVIEW44486", "Gold clients", "", "Saved views", False),
    ]


def test_a_menu_has_no_title_without_views(crm: Crm) -> None:
    rows = crm.rows("menu", action="viewlist", type="activity", company=1)
    assert values(rows, "MenuLevelName") == ["System views", "", "", ""]


@pytest.mark.parametrize(
    ("area", "parameters", "words"),
    [
        ("views", {}, "type is missing"),
        ("views", {"type": "weather"}, "invalid type weather"),
        ("views", {"type": "jobs", "company": "7"}, "company 7 not found"),
        ("views", {"type": "jobs", "company": "1,2"}, "invalid company 1,2"),
        ("menu", {"action": "viewlist", "type": "weather"}, "invalid type weather"),
        ("activities", {"view": "mine"}, "invalid view mine"),
        ("attachments", {"view": -1700}, "invalid view -1700"),
    ],
)
def test_a_view_that_is_none_is_refused(
    crm: Crm, area: str, parameters: dict[str, object], words: str
) -> None:
    assert crm.why(area, **parameters) == words


# Clients and contacts


def test_a_client_is_one_of_the_story_s_companies(crm: Crm) -> None:
    row = crm.row("clients", client="1/CAL001")
    assert row["clientName"] == "Calder & Wrenfield Solicitors"
    assert (row["clientHandlerFullName"], row["clientCategoryName"]) == ("Owen Pritchard", "Client")
    assert [row[f"clientAdd{number}"] for number in range(1, 5)] == [
        *("14 Canal Parade", "Leeds", "LS1 4CK", "United Kingdom")
    ]


def test_a_contact_is_one_of_the_story_s_people(crm: Crm) -> None:
    row = crm.row("clientcontacts", company=1, clientcontact=8604)
    names = ("FullName", "BackwardsFullName", "JobTitle", "ClientPhone", "Add2", "EMail")
    assert [row[f"clientcontact{name}"] for name in names] == [
        *("Jürgen Möller", "Möller, Jürgen", "Leiter Einkauf", "+49 40 66969 103", "Hamburg"),
        "jurgen.moller@nordkamm-logistik.example.com",
    ]
