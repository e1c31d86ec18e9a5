"""What the children of `deadly` do: they write files and folders."""

from pathlib import Path

from eoflows.base.files import whole_file, whole_folder, write_whole

OLD, NEW = b"old" * 1000, b"new" * 2000


def write_file(name: str, folder: str) -> None:
    """Replace a file."""
    write_whole(Path(folder) / name / "a.txt", NEW)


def write_file_first(name: str, folder: str) -> None:
    """Write a file where none may be, and have it on the disk."""
    with whole_file(Path(folder) / name / "a.txt", replace=False, fsync=True) as part:
        part.write_bytes(NEW[:10])
        part.write_bytes(NEW)


def fill_folder(name: str, folder: str) -> None:
    """Replace a folder."""
    with whole_folder(Path(folder) / name / "a.zarr", replace=True) as part:
        (part / "deep").mkdir()
        for number in range(3):
            (part / "deep" / f"{number}.txt").write_bytes(NEW)


def look_and_write_file(name: str, folder: str) -> str:
    """Say what is there, and replace it."""
    seen = _seen(Path(folder) / name / "a.txt")
    write_file(name, folder)
    return seen


def look_and_write_file_first(name: str, folder: str) -> str:
    """Say what is there, and write it if there is nothing."""
    seen = _seen(Path(folder) / name / "a.txt")
    if seen == "nothing":
        write_file_first(name, folder)
    return seen


def look_and_fill_folder(name: str, folder: str) -> str:
    """Say what is there, and replace it."""
    path = Path(folder) / name / "a.zarr"
    files = {one.relative_to(path).as_posix(): one for one in path.rglob("*") if one.is_file()}
    whole = {"old": {"old.txt"}, "new": {f"deep/{number}.txt" for number in range(3)}}
    seen = next((name for name, names in whole.items() if names == set(files)), "nothing")
    assert all(_seen(one) == seen for one in files.values()), files
    assert files or not path.exists()
    fill_folder(name, folder)
    return seen


def _seen(path: Path) -> str:
    found = path.read_bytes() if path.exists() else None
    return {None: "nothing", OLD: "old", NEW: "new"}[found]
