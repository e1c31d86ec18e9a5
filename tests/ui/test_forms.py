"""The form of every deployment: it shows each parameter with its help, can be filled, and makes a run."""

import json
import pkgutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import SECONDS, Pages
from playwright.sync_api import Locator, Response
from runs import Runs

pytestmark = [pytest.mark.ui, pytest.mark.usefixtures("held")]

PREFECT_YAML = Path(__file__).parents[2] / "prefect.yaml"
OTHERS: dict[str, Any] = {
    "job": "3f0c",
    "decision": "absent",
    "who": "ada",
    "name": "trees",
    "credits": 500,
    "services": ["dummy"],
    "stac_input": "/data/found.json",
}
"""Values of parameters that no deployment on the sandbox has set."""


def _deployments() -> dict[str, dict[str, Any]]:
    found = {}
    for one in yaml.safe_load(PREFECT_YAML.read_text())["deployments"]:
        flow = pkgutil.resolve_name(one["entrypoint"])
        found[f"{flow.name}/{one['name']}"] = one.get("parameters") or {}
    return found


DEPLOYMENTS = _deployments()


def _example(name: str) -> dict[str, Any]:
    """Give values for a form: those of the deployment on the sandbox where there is one."""
    return OTHERS | DEPLOYMENTS[f"{name.partition('/')[0]}/sandbox"]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_form(pages: Pages, runs: Runs, name: str) -> None:
    deployment = runs.deployment(name)
    schema = deployment["parameter_openapi_schema"]
    open_form(pages, deployment["id"])
    required = set(schema.get("required", []))
    for parameter, one in schema["properties"].items():
        field = Field(pages, one.get("title", parameter), parameter in required)
        assert field.help == " ".join(one["description"].split())

    given, example = DEPLOYMENTS[name], _example(name)
    missing = {parameter: example[parameter] for parameter in sorted(required - set(given))}
    fields = {
        parameter: Field(pages, schema["properties"][parameter].get("title", parameter), True)
        for parameter in missing
    }
    if name.endswith("/sandbox"):
        pages.picture(f"form-{name.partition('/')[0]}")
    made = submit(pages, {fields[parameter]: value for parameter, value in missing.items()})["parameters"]
    assert {key: _plain(made[key], value) for key, value in (given | missing).items()} == given | missing


def open_form(pages: Pages, deployment: str) -> None:
    form = f"/deployments/deployment/{deployment}"
    pages.go(f"{form}/run", pages.page.locator(f'a[href*="{form}"]'))
    pages.button("Submit").wait_for()


def submit(pages: Pages, missing: dict["Field", Any]) -> dict[str, Any]:
    """Fill in and submit until it is taken: a busy server refuses, and what is typed too fast may be lost."""
    taken: list[dict[str, Any]] = []

    def note(response: Response) -> None:
        if response.url.endswith("/create_flow_run") and response.status == 201:
            taken.append(response.json())

    pages.page.on("response", note)
    try:
        deadline = time.monotonic() + 2 * SECONDS
        while not taken:
            assert time.monotonic() < deadline, pages.faults
            for field, value in missing.items():
                field.fill(value)
            # By its key: a message of the page before may lie over it.
            pages.button("Submit").press("Enter")
            until = time.monotonic() + 3
            while not taken and time.monotonic() < until:
                pages.page.wait_for_timeout(50)
    finally:
        pages.page.remove_listener("response", note)
    pages.faults.clear()
    return taken[0]


def _plain(made: Any, given: Any) -> Any:
    """Leave out what the form adds: parts of an object that have a default."""
    if isinstance(made, dict) and isinstance(given, dict):
        return {key: _plain(made.get(key), value) for key, value in given.items()}
    if isinstance(made, list) and isinstance(given, list) and len(made) == len(given):
        return [_plain(*pair) for pair in zip(made, given, strict=True)]
    return made


def test_what_is_required_is_asked_for(pages: Pages, runs: Runs) -> None:
    deployment = runs.deployment("search-aux/default")
    open_form(pages, deployment["id"])
    with pages.page.expect_response("**/create_flow_run") as answer:
        pages.button("Submit").click()
    assert answer.value.status == 409
    pages.text("'owner_id' is a required property").first.wait_for()
    pages.text("'aux_cql2' is a required property").first.wait_for()
    # The browser notes the refusal as a fault of the page.
    pages.faults.clear()


class Field:
    """One parameter of a form."""

    def __init__(self, pages: Pages, title: str, required: bool) -> None:
        self._pages = pages
        label = title if required else f"{title} (Optional)"
        self._label = pages.page.locator("form label").get_by_text(label, exact=True).first
        self._head = self._label.locator("xpath=../..")
        self._body = self._head.locator("xpath=following-sibling::fieldset").first

    @property
    def help(self) -> str:
        """The text below its name."""
        return " ".join(self._label.locator("xpath=following-sibling::p").inner_text().split())

    def fill(self, value: Any) -> None:
        """Give it a value: text as text, a choice as a choice, all else as JSON."""
        text_too = self._body.get_by_role("tab", name="str", exact=True)
        if text_too.count() == 1:
            text_too.click()
        text, choice = self._body.locator("textarea"), self._body.get_by_role("combobox")
        if text.count() == 1:
            text.fill(value if isinstance(value, str) else json.dumps(value))
        elif isinstance(value, str) and choice.count() == 1:
            choice.click()
            self._pages.page.get_by_role("option", name=value, exact=True).click()
        else:
            self._type(json.dumps(value))
        self._pages.drawn()

    def _type(self, text: str) -> None:
        editor = self._editor()
        if editor.count() == 0:
            self._head.get_by_role("button", name="Open menu").click()
            self._pages.page.get_by_role("menuitem", name="Use JSON Input").click()
        editor.click()
        self._pages.page.keyboard.press("Control+A")
        self._pages.page.keyboard.insert_text(text)
        # The editor hands its text over when nothing was typed for half a second, and shows no sign of it.
        self._pages.page.wait_for_timeout(700)

    def _editor(self) -> Locator:
        return self._body.locator(".cm-content")
