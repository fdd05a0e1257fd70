"""The master as the guest sees it: 10.0.2.2, on whatever wire the test run has.

    relay.py ADDRESS PORT...    passes 127.0.0.1:PORT on to ADDRESS:PORT, until it is killed

Runs in the namespace of a guest's network, where QEMU's user network takes 10.0.2.2 for the
loopback. A saved state so finds its master again, whose address is another in each test run.
"""

import asyncio
import contextlib
import sys

GUEST_VIEW = "10.0.2.2"
PORTS = (4505, 4506)


async def main(address, *ports):
    """Serve all ports for ever."""

    async def passed(reader, writer):
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(writer.close)
            with contextlib.suppress(OSError):
                theirs, ours = await asyncio.open_connection(address, _port(writer))
                stack.callback(ours.close)
                await _first(_pump(reader, ours), _pump(theirs, writer))

    servers = [await asyncio.start_server(passed, "127.0.0.1", int(port)) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _port(writer):
    return writer.get_extra_info("sockname")[1]


async def _pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _first(*pumps):
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    _, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
