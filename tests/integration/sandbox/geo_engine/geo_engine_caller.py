import asyncio

import httpx
import pyarrow as pa
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

DAYS = "2014-01-01T00:00:00.000+00:00/2014-01-03T00:00:00.000+00:00"


class Caller:
    """A plain HTTP and websocket client of one version of the service."""

    def __init__(self, url, paths="workflow"):
        self.url, self.paths = url, paths
        self.http = httpx.Client(base_url=url, timeout=20)
        self.login()

    def login(self):
        self.session = self.http.post("/anonymous").json()
        self.http.headers["authorization"] = f"Bearer {self.session['id']}"

    def register(self, kind="Raster", operator=None, **params):
        body = {"type": kind, "operator": operator or {"type": f"Sandbox{kind}", "params": params}}
        answer = self.http.post(f"/{self.paths}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def address(self, workflow, stream="rasterStream", **query):
        given = {"resultType": "arrow", "spatialBounds": "0,-10,20,0", "timeInterval": DAYS}
        if stream == "rasterStream":
            given["attributes"] = "0"
        merged = {key: value for key, value in {**given, **query}.items() if value is not None}
        url = httpx.URL(f"{self.url}/{self.paths}/{workflow}/{stream}", params=merged)
        return str(url).replace("http://", "ws://").replace("+", "%2B")

    def connect(self, address):
        headers = {"Authorization": self.http.headers["authorization"]}
        return connect(address, additional_headers=headers, max_size=None, compression=None)

    def pull(self, workflow, **query):
        """Return messages and the end of a stream, asked for one by one."""
        return asyncio.run(self._pull(self.address(workflow, **query)))

    async def _pull(self, address):
        messages = []
        async with asyncio.timeout(20), self.connect(address) as socket:
            while True:
                try:
                    await socket.send("NEXT")
                    messages.append(await socket.recv())
                except ConnectionClosed as end:
                    return messages, end


def table(message):
    """Return the one record batch of a message."""
    with pa.ipc.open_file(message) as reader:
        assert reader.num_record_batches == 1
        return reader.get_batch(0)
