"""What the official SDK (up42-py) does against a server; run by its own interpreter, prints one JSON line.

Arguments: address of the API host, address of the auth host, name of a scenario, JSON for the scenario.
"""

import json
import os
import sys
import tempfile
import warnings

os.environ["UP42_DISABLE_VERSION_CHECK"] = "true"
import pystac
import requests
import up42
from up42 import host, processing_templates, utils

warnings.simplefilter("ignore", FutureWarning)


def item(href):
    made = pystac.Item("an-item", None, None, utils.datetime.datetime(2024, 1, 1), {})
    made.set_self_href(href)
    return made


def template(name, href, title="A title", **more):
    return getattr(processing_templates, name)(title=title, item=item(href), **more)


def errors(of):
    return sorted([error.name, error.message] for error in of.errors)


def http_error(call):
    try:
        call()
    except requests.RequestException as error:
        response = getattr(error, "response", None)
        return [type(error).__name__, None if response is None else response.status_code]
    return None


def login(asked):
    wrong = None
    try:
        up42.authenticate(username="demo", password="wrong")
    except ValueError as error:
        wrong = type(error).__name__
    return {"workspace": up42.base.workspace.id, "wrong": wrong}


def templates(asked):
    good, bad, license = asked["good"], asked["bad"], asked["license"]
    pan = template("Pansharpening", good, grey_weights=[processing_templates.GreyWeight("red", 0.5)])
    unknown = type(
        "Unknown", (processing_templates.DetectionTreesSpacept,), {"process_id": "no-such-process"}
    )
    coregistration = processing_templates.CoregistrationSimularity(
        title="two", source_item=item(good), reference_item=item(bad)
    )
    change = processing_templates.DetectionChangeSimularity(
        title="two", source_item=item(good), reference_item=item(bad), sensitivity=3
    )
    return {
        "cost": [pan.cost.strategy, pan.cost.credits, pan.cost.size, pan.cost.unit],
        "compares": [pan.cost <= 63, pan.cost > 63, pan.cost >= 63],
        "schema": errors(template("DetectionTreesSpacept", good, title="")),
        "meaning": errors(template("Pansharpening", bad)),
        "long": errors(template("UpsamplingNS", good, title="t" * 251)),
        "license": errors(template(license, good)),
        "absent": errors(unknown(title="x", item=item(good))),
        "flat": [template("TrueColorConversion", good).cost.credits, coregistration.cost.credits],
        "two": [coregistration.is_valid, change.is_valid],
        "no href": errors(template("UpsamplingNS", None)),
    }


def life(asked):
    job = template("Pansharpening", asked["good"], title=asked["title"]).execute(asked.get("budget"))
    first = [job.status.value, job.credits, job.workspace_id, job.created.isoformat()]
    job.track(wait=0, retries=20)
    found = {"id": job.id, "first": first, "status": job.status.value, "credits": job.credits}
    found["errors"] = [[error.name, error.message] for error in job.errors or []]
    collection = job.collection
    if collection is None:
        return found
    (one,) = collection.get_items()
    asset = one.assets["data"]
    with tempfile.TemporaryDirectory() as place:
        path = asset.file.download(place)
        with open(path, "rb") as file:
            found["file"] = [path.name, len(file.read())]
    search = up42.stac_client().search(filter={"op": "=", "args": [{"property": "job_id"}, job.id]})
    found["items"] = [[one.id, one.up42.job_id] for one in search.items()]
    found["title"] = collection.title
    found["size"] = asset.extra_fields["file:size"]
    return found


def jobs(asked):
    def ids(**filters):
        return [job.id for job in up42.Job.all(**filters)]

    sorting, status = up42.JobSorting, up42.JobStatus
    return {
        "all": ids(page_size=2),
        "created": ids(sort_by=sorting.created.asc, page_size=3),
        "credits": [job.credits for job in up42.Job.all(sort_by=sorting.credits)],
        "process": ids(process_id=["pansharpening"], sort_by=sorting.created.asc),
        "sorted": [job.process_id for job in up42.Job.all(sort_by=sorting.process_id)],
        "workspace": ids(workspace_id=asked["workspace"]),
        "status": ids(status=[status.RELEASED, status.INVALID], sort_by=sorting.created.asc),
        "short": ids(max_duration=1000, sort_by=sorting.created.asc),
        "long": ids(min_duration=1000),
        "ids": ids(ids=asked["ids"], sort_by=sorting.created.asc),
        "get": up42.Job.get(asked["ids"][0]).id,
        "absent": http_error(lambda: up42.Job.get("00000000-0000-4000-8000-000000000000")),
        "theirs": http_error(lambda: up42.Job.get(asked["theirs"])),
    }


def execute(asked):
    made = template("Pansharpening", asked["good"], title=asked["title"])
    return {"error": http_error(made.execute)}


def source(asked):
    search = up42.stac_client().search(filter={"op": "=", "args": [{"property": "asset_id"}, asked["asset"]]})
    found = list(search.items())
    made = processing_templates.DetectionTreesSpacept(title="found", item=found[0])
    return {
        "items": [one.get_self_href() for one in found],
        "errors": errors(made),
        "credits": made.cost.credits,
    }


def main():
    api, auth, name, asked = sys.argv[1:]
    asked = json.loads(asked)
    realm = f"{auth}/realms/public/protocol/openid-connect"
    host.endpoint = lambda path: f"{api}{path}"
    host.token_endpoint = lambda: f"{realm}/token"
    host.user_info_endpoint = lambda: f"{realm}/userinfo"
    up42.authenticate(username="demo", password="demo-password")
    print(json.dumps(globals()[name](asked)))


main()
