"""What people see of runs: progress, tables, pictures, and the form of an approval."""

import json
import re
from typing import Any

import pytest
from browser import Pages
from playwright.sync_api import expect
from runs import Runs

from eoflows.deployments.parts import LOGOS
from eoflows.deployments.stack import Stack

pytestmark = pytest.mark.ui

PAUSED = frozenset({"PAUSED", "COMPLETED", "FAILED", "CRASHED"})


def finished(runs: Runs, name: str, **parameters: Any) -> str:
    run = runs.start(name, **parameters)
    state = runs.wait(run, timeout=240)
    assert state["type"] == "COMPLETED", state["message"]
    return run


def show_artifact(pages: Pages, runs: Runs, run: str, key: str) -> dict[str, Any]:
    """Open the page of an artifact of a run."""
    artifact = runs.artifacts(run)[key]
    pages.go(f"/artifacts/artifact/{artifact['id']}", pages.page.locator("main").get_by_text(key))
    return artifact


@pytest.fixture(scope="module")
def staged(runs: Runs) -> str:
    return finished(runs, "on-demand-aux-staging/sandbox")


def test_a_run_shows_its_artifacts(pages: Pages, runs: Runs, staged: str) -> None:
    pages.go(f"/runs/flow-run/{staged}?tab=Artifacts", pages.page.get_by_role("tab", name="Artifacts"))
    found = runs.artifacts(staged)
    assert {"aux-staging", "aux-staging-progress"} <= set(found)
    for key in found:
        pages.page.locator(f'a[href$="/artifacts/key/{key}"]').first.wait_for()
    pages.painted(pages.page.locator("canvas").first)
    pages.picture("run")


def test_a_table_has_a_row_for_each_product(pages: Pages, runs: Runs, staged: str) -> None:
    artifact = show_artifact(pages, runs, staged, "aux-staging")
    assert len(json.loads(artifact["data"])) == 11
    rows = pages.page.locator("table tbody tr")
    expect(rows).to_have_count(10)  # a page of them
    assert rows.first.inner_text().startswith("staged")
    pages.picture("table")


def test_progress_is_at_its_end(pages: Pages, runs: Runs, staged: str) -> None:
    show_artifact(pages, runs, staged, "aux-staging-progress")
    pages.text(re.compile(r"100\s*%")).first.wait_for()


def show_picture(pages: Pages, runs: Runs, run: str, key: str) -> None:
    """Open the page of a picture, and see that it is there."""
    artifact = show_artifact(pages, runs, run, key)
    picture = pages.page.locator(f'main img[src^="{artifact["data"][:60]}"]').first
    picture.wait_for()
    width = picture.evaluate("one => one.decode().then(() => one.naturalWidth)")
    assert width > 100


def test_pre_ard_is_a_picture_of_tiles(pages: Pages, runs: Runs) -> None:
    finished(runs, "order-pre-ard/sandbox")
    run = finished(runs, "track-pre-ard/sandbox")
    (key,) = (key for key in runs.artifacts(run) if key.startswith("pre-ard-grid-"))
    show_picture(pages, runs, run, key)
    pages.picture("pre-ard")


@pytest.mark.parametrize(
    ("name", "key"),
    [("stream-raster/sandbox", "stream-raster-preview"), ("plot-workflow/sandbox", "plot-workflow-plot")],
)
def test_results_are_pictures(pages: Pages, runs: Runs, name: str, key: str) -> None:
    show_picture(pages, runs, finished(runs, name), key)
    pages.picture(key)


def test_the_morning_matrix(pages: Pages, runs: Runs, stack: Stack) -> None:
    orbits = {"product_types": ["OPER_AUX_RESORB_OPOD"], "end": "2025-08-20T12:00:00Z"}
    finished(runs, "systematic-aux-staging/sandbox", **orbits)
    folder = stack.state.storage / "demo" / "s1-aux"
    lost = sorted(path for path in folder.rglob("*RESORB*20250818T*") if path.is_file())
    lost[0].unlink()
    run = finished(runs, "morning-matrix/sandbox")
    show_picture(pages, runs, run, "morning-matrix-picture")
    show_artifact(pages, runs, run, "morning-matrix")
    expect(pages.page.locator("main table tbody tr")).to_have_count(14)
    pages.picture("morning-matrix-artifact")


def test_the_matrix_needs_no_server(pages: Pages, stack: Stack) -> None:
    page = pages.page.context.new_page()
    try:
        page.goto((stack.state.storage / "demo" / "_mornings" / "latest.html").as_uri())
        assert page.title().startswith("Morning matrix of demo")
        cells = page.locator("td")
        expect(cells).to_have_count(14 * 3)
        words = {text.split()[1] for text in cells.all_inner_texts()}
        assert {"complete", "partial", "missing", "nothing"} <= words
        pages.picture("morning-matrix", of=page)
        page.locator("td.partial a").first.click()
        expect(page.locator("h3:target")).to_have_count(1)
    finally:
        page.close()


def test_an_approval_is_given_in_its_form(pages: Pages, runs: Runs) -> None:
    run = runs.start("run-up42-job/sandbox", approval="always", run_key="ui", title="Trees of the UI")
    assert runs.wait(run, PAUSED, timeout=120)["name"] == "Suspended"
    pages.go(f"/runs/flow-run/{run}", pages.button("Open menu"))
    pages.text("Suspended").first.wait_for()
    pages.button("Open menu").click()
    pages.page.get_by_role("menuitem", name="Resume").click()
    form = pages.page.get_by_role("dialog")
    form.get_by_text("16 credits").first.wait_for()
    form.get_by_role("switch").click()
    for text in form.locator("textarea").all():
        text.fill("ada")
        pages.drawn()
    pages.picture("approval")
    form.get_by_role("button", name="Resume").click()
    form.wait_for(state="hidden")
    state = runs.wait(run, timeout=120)
    assert (state["type"], state["message"]) == ("COMPLETED", "1 succeeded")
    assert "Approved by ada: ada" in runs.artifacts(run)["up42-costs"]["description"]


def test_the_dashboard(pages: Pages, staged: str) -> None:
    pages.go("/dashboard", pages.text("Flow Runs"))
    pages.picture("dashboard")


def test_each_block_has_its_logo(pages: Pages) -> None:
    pages.go("/blocks/catalog", pages.text("Object Storage"))
    logos = pages.page.locator('main img[src*="/logos/"]')
    names = {str(one.get_attribute("src")).rpartition("/")[2] for one in logos.all()}
    assert names == {path.name for path in LOGOS.glob("*.png")}
