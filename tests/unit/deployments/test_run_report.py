import json
from pathlib import Path

from eoflows.deployments.report import SHOWN_ITEMS, read_report, report_files, table


def written(storage: Path, items: list[dict[str, object]], **counts: int) -> Path:
    path = storage / "demo" / "_runs" / "one.jsonl"
    path.parent.mkdir(parents=True)
    summary = {"found": 0, "already": 0, "staged": 0, "failed": 0, "bytes": 0, **counts}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in [*items, {"summary": summary}]))
    return path


def test_a_report_is_found_and_read(tmp_path: Path) -> None:
    path = written(
        tmp_path, [{"item": "a", "outcome": "staged", "bytes": 7, "reason": ""}], found=1, staged=1
    )
    assert report_files(tmp_path) == {path}
    report = read_report(path)
    assert (report.failed, report.items[0]["item"]) == (0, "a")


def test_failures_stand_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    items: list[dict[str, object]] = [
        {"item": f"i{n}", "outcome": "staged", "bytes": 1} for n in range(SHOWN_ITEMS)
    ]
    items.append({"item": "bad", "outcome": "failed", "bytes": 0, "reason": "wrong checksum"})
    lines = table(read_report(written(tmp_path, items, found=21, staged=20, failed=1))).splitlines()
    assert lines[1].split() == ["found", "already", "there", "staged", "failed"]
    assert lines[2].split() == ["21", "0", "20", "1"]
    assert lines[4].endswith("bad  (wrong checksum)")
    assert lines[-1].strip() == "... and 1 more"
