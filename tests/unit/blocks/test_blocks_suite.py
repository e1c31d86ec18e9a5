"""Prefect's own suite for each block; the pictures are served from blocks/logos."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite

from eoflows import blocks
from eoflows.blocks.logos import PUBLIC, logo

LOGOS = Path(blocks.__file__).parent / "logos"
ALL = [getattr(blocks, name) for name in blocks.__all__]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def pictures() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(LOGOS)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
class TestBlocks(BlockStandardTestSuite):
    @pytest.fixture(params=ALL, ids=lambda block: block.__name__)
    def block(self, request, pictures, monkeypatch) -> type[Block]:
        name = str(request.param._logo_url).rsplit("/", 1)[-1].removesuffix(".png")
        monkeypatch.setattr(request.param, "_logo_url", logo(name, pictures))
        return request.param


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.__name__)
def test_each_block_has_a_picture_a_slug_and_a_sentence(block):
    assert str(block._logo_url).startswith(PUBLIC)
    name = str(block._logo_url).rsplit("/", 1)[-1]
    with Image.open(LOGOS / name) as picture:
        assert picture.size == (256, 256)
        assert picture.format == "PNG"
    assert block._block_type_slug == block._block_type_slug.lower()
    assert block.get_description().endswith(".")


def test_no_picture_is_left_over():
    used = {str(block._logo_url).rsplit("/", 1)[-1] for block in ALL}
    assert used == {path.name for path in LOGOS.iterdir()}


def test_the_public_names_are_sorted():
    assert blocks.__all__ == sorted(blocks.__all__)
    assert len({block._block_type_slug for block in ALL}) == len(ALL)
