import pytest
from geo_engine_caller import Caller


@pytest.fixture
def caller(box):
    one = Caller(f"{box.url}/geoengine/0.9")
    yield one
    one.http.close()
