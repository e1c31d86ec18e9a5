"""What the official Earth Engine client does against a server; prints one JSON line.

Arguments: address of the server, name of a scenario, JSON for the scenario.
"""

import json
import sys

import ee
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

WKT = (
    'PROJCS["AEA_WGS84",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Albers"],'
    'PARAMETER["standard_parallel_1",29.5],PARAMETER["standard_parallel_2",45.5],'
    'PARAMETER["latitude_of_center",23.0],PARAMETER["longitude_of_center",-96.0],PARAMETER["false_easting",0.0],'
    'PARAMETER["false_northing",0.0],UNIT["Meter",1.0]]'
)
LEFT, TOP = -1_665_585.0, 2_264_805.0
COLLECTION = "LANDSAT/LC08/C02/T1_L2"
EXPORT = {
    "bucket": "eo-bucket",
    "dimensions": "300x200",
    "crs": WKT,
    "crsTransform": [30, 0, LEFT, 0, -30, TOP],
    "maxPixels": 1e13,
}


def failure(call):
    try:
        call()
    except ee.EEException as error:
        return [getattr(error.__context__, "status_code", None), str(error)]
    return None


def tile(width=300, height=200):
    corners = [LEFT, TOP - 30 * height, LEFT + 30 * width, TOP]
    return ee.Geometry.Rectangle(corners, proj=WKT, geodesic=False)


def collection(start="2022-01-01", end="2022-02-20", name=COLLECTION):
    return ee.ImageCollection(name).filterBounds(tile()).filterDate(start, end)


def day_of(image):
    return ee.Image(image).date().format("YYYY-MM-dd")


def days(images):
    return sorted(set(images.map(lambda one: one.set("day", day_of(one))).aggregate_array("day").getInfo()))


def pre_ard(images, bands=("SR_B2", "QA_PIXEL")):
    """Return one image of all days, and the days, as a user of pre-ARD orders it."""
    found = days(images)

    def composite(day):
        of_day = images.filterDate(day, ee.Date(day).advance(1, "day"))
        return of_day.select(list(bands)).mosaic().toUint16().unmask(0)

    return ee.ImageCollection.fromImages([composite(day) for day in found]).toBands(), found


def small(value=7):
    return ee.Image.constant(value).toInt16()


def task(image, description="small", prefix=None, **more):
    return ee.batch.Export.image.toCloudStorage(
        image, description=description, fileNamePrefix=prefix or f"PREARD/{description}", **{**EXPORT, **more}
    )


def queries(asked):
    images = collection()
    oldest = images.sort("system:time_start", False).first()
    both = ["system:index", "CLOUD_COVER"]
    by_place = images.filter(ee.Filter.And(ee.Filter.eq("WRS_ROW", 25), ee.Filter.lte("CLOUD_COVER", 50)))
    table = images.map(lambda one: ee.Feature(None, one.toDictionary(["WRS_ROW"])).set("day", day_of(one)))
    return {
        "size": images.size().getInfo(),
        "names": [one["properties"]["system:index"] for one in images.getInfo()["features"]],
        "array": images.aggregate_array("system:index").getInfo(),
        "columns": images.reduceColumns(ee.Reducer.toList(2), both).get("list").getInfo(),
        "iterated": images.iterate(lambda one, so_far: ee.List(so_far).add(day_of(one)), []).getInfo(),
        "listed": images.toList(1000).map(lambda one: ee.Image(one).get("LANDSAT_PRODUCT_ID")).getInfo(),
        "table": [one["properties"] for one in table.getInfo()["features"]],
        "filtered": by_place.aggregate_array("system:index").getInfo(),
        "last": oldest.get("system:index").getInfo(),
        "bands": oldest.select(["SR_B.", "QA_PIXEL"]).bandNames().getInfo(),
        "image": oldest.select(0).getInfo()["bands"][0]["data_type"],
        "empty": collection("2010-01-01", "2011-01-01").size().getInfo(),
        "months": images.filter(ee.Filter.calendarRange(2, 2, "month")).size().getInfo(),
    }


def wrong(asked):
    images = collection()
    return {
        "collection": failure(ee.ImageCollection("NO/SUCH").size().getInfo),
        "band": failure(images.first().select("B99").getInfo),
        "null": failure(ee.Dictionary({}).set("a", images.first().get("absent")).getInfo),
        "property": failure(images.map(lambda one: ee.Feature(None, one.toDictionary(["X"]))).getInfo),
        "many": failure(ee.ImageCollection(COLLECTION).filterDate("2022-01-01", "2022-02-01").getInfo),
        "operation": failure(lambda: ee.data.getOperation("projects/demo-project/operations/NONE")),
    }


def export(asked):
    image, found = pre_ard(collection())
    made = task(image, "tile", fileDimensions=256, shardSize=256, formatOptions={"noData": 0, **asked})
    before = made.status()["state"]
    made.start()
    states = [made.status() for _ in range(3)]
    return {
        "days": found,
        "before": before,
        "states": [one["state"] for one in states],
        "uris": states[-1]["destination_uris"],
        "id": made.id,
        "listed": [[one.id, one.state] for one in ee.batch.Task.list()],
    }


def mixed_types(asked):
    image = collection().first().select(["SR_B2", "SR_QA_AEROSOL"])
    made = [
        task(image, "mixed"),
        task(small(), "large", maxPixels=100),
        task(small(), "nowhere", bucket="none"),
    ]
    for one in made:
        one.start()
    return [[one.status(), one.status()][1] for one in made]


def tasks(asked):
    first, second = task(small(), "first"), task(small(), "second")
    first.start()
    second.start()
    second.cancel()
    request = {**task(small(), "third").config}
    again = [ee.data.exportImage("my-own-id", dict(request))["name"] for _ in range(3)]
    other = failure(lambda: ee.data.exportImage("my-own-id", {**request, "description": "another"}))
    ended = second.status()
    return {
        "again": again,
        "other": other,
        "cancelled": [ended["state"], ended["error_message"]],
        "unknown": [one["state"] for one in ee.data.getTaskStatus(["NONE"])],
        "operations": [one["metadata"]["description"] for one in ee.data.listOperations()],
    }


def many(asked):
    request = task(small()).config
    for number in range(asked["count"]):
        ee.data.exportImage(f"id-{number}", {**request, "description": f"export-{number}"})
    listed = ee.data.listOperations()
    return [one["metadata"]["description"] for one in listed]


def submit(asked):
    ee.data.setMaxRetries(asked.get("retries", 0))
    request = task(small()).config
    return failure(lambda: ee.data.exportImage(asked.get("id", "one-id"), request))


def another_project(asked):
    request = task(small()).config
    mine = ee.data.exportImage("same-id", dict(request))["name"]
    ee.Reset()
    start({"project": "other-project"}, sys.argv[1])
    theirs = ee.data.exportImage("same-id", dict(request))["name"]
    return [mine, theirs, len(ee.data.listOperations()), len(ee.data.listOperations("projects/demo-project"))]


def value(asked):
    return failure(ee.Number(1).add(1).getInfo) or ee.Number(1).add(1).getInfo()


def start(asked, url):
    credentials = AnonymousCredentials()
    if "key_file" in asked:
        scopes = ["https://www.googleapis.com/auth/earthengine"]
        credentials = service_account.Credentials.from_service_account_info(asked["key_file"], scopes=scopes)
    ee.Initialize(credentials=credentials, url=url, project=asked.get("project", "demo-project"))


if __name__ == "__main__":
    url, scenario, text = sys.argv[1:]
    asked = json.loads(text)
    # The client fetches it from a fixed address, without a time limit.
    ee.deprecation._FetchDataCatalogStac = dict
    start(asked, url)
    print(json.dumps(globals()[scenario](asked)))
