"""A disk that is full or cannot be written to: writes stop, reads go on, the record stays whole."""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from machine import CALL, NOT_APPROVED, READ, WRITE, Machine
from shop import CREATE, GET, Office
from sockets import serving

from crm_mcp.app import load_catalogue
from crm_mcp.errors import Refused, StateError
from crm_mcp.guard import Mode, Policy
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.state import StateFolder

REFUSED = "refused: The record of writes cannot be kept right now, so nothing was written."
OTHER = {"area": "001", "customerProducts": [{"account": "2", "product": "x", "manufacturer": "y"}]}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    sandbox = Sandbox(load_catalogue())
    with serving(sandbox) as origin:
        yield Machine(tmp_path, sandbox, origin, CRM_MCP_MODE="unattended")


def no_file_longer_than(size: int) -> str:
    """Fill the disk for one process, but for what its end may still want to write."""
    return (
        "import atexit, resource as r\n"
        f"r.setrlimit(r.RLIMIT_FSIZE, ({size}, r.RLIM_INFINITY))\n"
        "atexit.register(r.setrlimit, r.RLIMIT_FSIZE, (r.RLIM_INFINITY, r.RLIM_INFINITY))"
    )


def filled(machine: Machine) -> int:
    """Make the record the largest of the files; gives its size."""
    for _ in range(60):
        machine.audit.append("refused", reason="x" * 4_000)
    return machine.audit.path.stat().st_size


def test_on_a_full_disk_a_first_write_is_refused_and_a_read_answers(machine: Machine) -> None:
    full = no_file_longer_than(0)

    refused, read = machine.run(*CALL, sabotage=full), machine.run(*READ, sabotage=full)

    assert (refused.code, read.code) == (NOT_APPROVED, 0)
    assert REFUSED in refused.err
    assert "the state cannot be used" in refused.err  # the log tells the operator why
    assert json.loads(read.out)["data"]
    assert machine.writes == 0
    assert machine.call() == 0


def test_a_line_that_does_not_fit_leaves_the_record_whole(machine: Machine) -> None:
    size = filled(machine)

    for room in (0, 100):
        refused = machine.run(*CALL, sabotage=no_file_longer_than(size + room))
        assert (refused.code, refused.err.count(REFUSED)) == (NOT_APPROVED, 1)

    assert machine.writes == 0
    assert machine.audit.path.stat().st_size == size
    assert machine.run("audit", "verify", sabotage=no_file_longer_than(size)).code == 0
    assert machine.run(*READ, sabotage=no_file_longer_than(size)).code == 0
    assert machine.audit.unknown() == []
    assert machine.call() == 0
    assert machine.writes == 1
    assert machine.audit.verify().lines == 62


def test_a_disk_that_fills_up_on_the_way_leaves_an_unknown_write(machine: Machine) -> None:
    filled(machine)
    assert machine.call() == 0
    *_, sending, _ = machine.audit.path.read_bytes().splitlines(keepends=True)
    size = machine.audit.path.stat().st_size + len(sending) + 50

    other = ("call", WRITE, "--json", json.dumps(OTHER))
    done = machine.run(*other, sabotage=no_file_longer_than(size))

    assert (done.code, json.loads(done.out)["status"]) == (0, "done")
    assert "could not be recorded" in done.err
    assert machine.writes == 2
    assert machine.audit.verify().problem == ""
    assert [write.number for write in machine.audit.unknown()] == [63]
    assert machine.run("audit", "close", "63").code == 0


def test_an_error_that_has_ended_the_transaction_keeps_its_own_words(tmp_path: Path) -> None:
    def fail() -> None:
        with StateFolder(tmp_path).transaction() as tables:
            tables._database.execute("ROLLBACK")  # type: ignore[attr-defined]  # noqa: SLF001 - as SQLite does by itself when it cannot write
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StateError, match="disk is full"):
        fail()


@pytest.fixture
def read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Refuse every change below the folder, as the system does; the superuser's rights included."""
    plain_open, plain_connect = os.open, sqlite3.connect
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def read_only_open(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & changing and Path(path).is_relative_to(tmp_path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return plain_open(path, flags, *more, **named)

    def read_only_connect(path: Any, **named: Any) -> Any:
        return plain_connect(f"{Path(path).as_uri()}?mode=ro", uri=True, **named)

    monkeypatch.setattr(os, "open", read_only_open)
    monkeypatch.setattr(sqlite3, "connect", read_only_connect)
    return monkeypatch


@pytest.mark.anyio
@pytest.mark.parametrize("mode", [Mode.CONFIRM, Mode.UNATTENDED])
async def test_on_a_read_only_disk_writes_are_refused_and_reads_go_on(
    tmp_path: Path, mode: Mode, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(tmp_path, Policy(mode=mode))
    office.shop.put(name="Lamp")
    await office.write(CREATE, name="Desk")
    read_only_disk = request.getfixturevalue("read_only_disk")
    later = Office(tmp_path, Policy(mode=mode), shop=office.shop)

    with pytest.raises(Refused, match="cannot be kept"):
        await later.write(CREATE, name="Bed")
    read = await later.write(GET, id=1)

    assert read.data["name"] == "Lamp"
    assert office.shop.writes == [CREATE]
    assert "read-only" in caplog.text.lower() or "readonly" in caplog.text.lower()
    read_only_disk.undo()
    assert office.audit.verify().problem == ""
    assert (await later.write(CREATE, name="Bed")).status == "done"


@pytest.mark.anyio
@pytest.mark.usefixtures("read_only_disk")
async def test_a_folder_that_cannot_be_made_refuses_writes(tmp_path: Path) -> None:
    office = Office(tmp_path, Policy(mode=Mode.UNATTENDED))

    with pytest.raises(Refused, match="cannot be kept"):
        await office.write(CREATE, name="Bed")

    assert office.shop.writes == []
