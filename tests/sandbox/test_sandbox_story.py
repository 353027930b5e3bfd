"""The made-up company whose data the stand-ins show."""

from crm_mcp.sandbox import story


def test_the_story_begins_on_a_monday_morning() -> None:
    assert story.TODAY.strftime("%A %Y-%m-%d %H:%M") == "Monday 2026-03-02 09:00"


def test_nobody_in_the_story_can_be_reached() -> None:
    addresses = [person.email for person in story.PEOPLE]
    addresses += [colleague.email for colleague in story.COLLEAGUES]
    assert all(address.isascii() and ".example.com" in address for address in addresses)
    assert len(set(addresses)) == len(addresses)


def test_telephone_numbers_come_from_the_ranges_kept_for_fiction() -> None:
    reserved = (
        *("0113 496 0", "0161 496 0", "020 7946 0", "029 2018 0", "07700 900"),
        *("+49 30 23125 ", "+49 40 66969 ", "+49 69 90009 ", "+49 171 39200 "),
        *("+46 8 465 004 ", "+46 31 390 06 ", "+46 70 174 06 "),
    )
    numbers = [company.phone for company in story.COMPANIES]
    numbers += [number for person in story.PEOPLE for number in (person.phone, person.mobile)]
    assert [number for number in numbers if not number.startswith(reserved)] == []


def test_the_story_refers_only_to_what_it_tells() -> None:
    assert {person.company for person in story.PEOPLE} == set(story.COMPANIES)
    assert {company.owner for company in story.COMPANIES} <= set(story.COLLEAGUES)
    for deal in story.DEALS:
        assert deal.person in story.PEOPLE
        assert deal.product in story.PRODUCTS
        assert deal.project in story.PROJECTS
        assert deal.project.team == deal.person.company.team
