"""A WebSocket server and a client that reaches it through a proxy: messages of many sizes, fragments, pings, a close
code, a subprotocol. Arguments: the server's port, the proxy's port."""

import asyncio
import sys

import websockets

SERVER, PROXY = int(sys.argv[1]), int(sys.argv[2])


async def echo(connection, path="/"):
    async for message in connection:
        if message == "close me":
            await connection.close(4001, "as asked")
            return
        await connection.send(message)


async def main():
    async with websockets.serve(echo, "127.0.0.1", SERVER, subprotocols=["chat.v1"], max_size=None):
        uri = f"ws://localhost:{PROXY}/ws"
        async with websockets.connect(uri, subprotocols=["chat.v1"], max_size=None, compression=None) as socket:
            assert socket.subprotocol == "chat.v1", socket.subprotocol
            for size in (0, 1, 125, 126, 65535, 65536, 4 * 1024 * 1024):
                await socket.send("x" * size)
                assert len(await socket.recv()) == size, size
                await socket.send(b"\0" * size)
                assert await socket.recv() == b"\0" * size, size
            await socket.send(["in ", "three ", "fragments"])
            assert await socket.recv() == "in three fragments"
            await asyncio.wait_for(await socket.ping(), 10)
            await asyncio.gather(*(socket.send(str(number)) for number in range(100)))
            received = [await socket.recv() for _ in range(100)]
            assert sorted(map(int, received)) == list(range(100)), received
            await socket.send("close me")
            try:
                await socket.recv()
                raise AssertionError("not closed")
            except websockets.ConnectionClosed as closed:
                assert (closed.code, closed.reason) == (4001, "as asked"), closed
        # With compression negotiated end to end: the proxy passes it, and sees nothing of it.
        async with websockets.connect(uri, max_size=None) as socket:
            await socket.send("x" * 100000)
            assert len(await socket.recv()) == 100000
    print("all messages came back")


asyncio.run(asyncio.wait_for(main(), 60))
