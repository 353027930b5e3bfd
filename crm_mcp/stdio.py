"""The stdio transport: whole lines over pipes, without a thread for every read and write.

The SDK's own transport hands each read and write to a worker thread, which takes more time than
the rest of a call. Where the standard streams are pipes or sockets, as every client makes them,
the event loop reads and writes them itself; anywhere else the SDK's transport serves.
"""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cached_property
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage, JSONRPCResponse, jsonrpc_message_adapter
from pydantic_core import to_json

MAX_LINE_BYTES = 64 << 20
HIGH_WATER_BYTES = 1 << 20
COPIED_BYTES = 1 << 16

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


def stdio_streams() -> AbstractAsyncContextManager[tuple[Incoming, Outgoing]]:
    """Open the transport that fits the standard streams."""
    if sys.platform != "win32" and _is_pipe(0) and _is_pipe(1):
        return pipe_streams()
    return stdio_server()


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@asynccontextmanager
async def pipe_streams() -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Serve fd 0 and 1; meanwhile they point elsewhere, so that no stray print meets the wire."""
    wire_in, wire_out = _claim(0), _claim(1)
    reader, writer = await _open_pipes(wire_in, wire_out)
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](64)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](64)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, reader, to_server)
            tasks.start_soon(_write_until_gone, from_server, writer)
            yield incoming, outgoing
            tasks.cancel_scope.cancel()
    finally:
        writer.close()
        os.dup2(wire_in, 0)
        os.dup2(wire_out, 1)


def _claim(descriptor: int) -> int:
    """Move a standard stream to a private descriptor and put a harmless one in its place."""
    private = os.dup(descriptor)
    harmless = os.open(os.devnull, os.O_RDONLY) if descriptor == 0 else os.dup(2)
    os.dup2(harmless, descriptor)
    os.close(harmless)
    return private


async def _open_pipes(
    wire_in: int, wire_out: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    source = os.fdopen(os.dup(wire_in), "rb", 0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    sink = os.fdopen(os.dup(wire_out), "wb", 0)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sink)
    transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def _read(
    reader: asyncio.StreamReader, to_server: MemoryObjectSendStream[SessionMessage | Exception]
) -> None:
    async with to_server:
        while True:
            try:
                line = await reader.readline()
                if not line:
                    return
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError as error:  # not a message, or a line beyond the limit
                await to_server.send(error)
            else:
                await to_server.send(SessionMessage(message))


async def _write(
    from_server: MemoryObjectReceiveStream[SessionMessage], writer: asyncio.StreamWriter
) -> None:
    async with from_server:
        async for item in from_server:
            if writer.is_closing():  # the client has gone; uvloop would call a write a fault
                return
            line = _encode(item.message)
            if len(line) < COPIED_BYTES:
                line += b"\n"  # one system call instead of two
                writer.write(line)
            else:
                writer.writelines((line, b"\n"))
            await writer.drain()


class Prepared(list[Any]):
    """A list that does not change: written as JSON once, whoever asks for it and how often."""

    @cached_property
    def json(self) -> bytes:
        """The list as compact JSON."""
        return to_json(self)


def _encode(message: JSONRPCMessage) -> bytes:
    """Write a message as JSON; an answer without a model's detour, which doubles a long list."""
    if not isinstance(message, JSONRPCResponse):
        return jsonrpc_message_adapter.dump_json(message, by_alias=True, exclude_unset=True)
    parts = [
        to_json(name) + b":" + (value.json if isinstance(value, Prepared) else to_json(value))
        for name, value in message.result.items()
    ]
    head = b'{"jsonrpc":"2.0","id":' + to_json(message.id) + b',"result":{'
    return head + b",".join(parts) + b"}}"


async def _write_until_gone(
    from_server: MemoryObjectReceiveStream[SessionMessage], writer: asyncio.StreamWriter
) -> None:
    with suppress(ConnectionError):  # a client that has gone is no fault of ours
        await _write(from_server, writer)
