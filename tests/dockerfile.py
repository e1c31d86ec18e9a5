"""docker/Dockerfile as instructions."""

import re
from pathlib import Path
from typing import NamedTuple

DOCKERFILE = Path(__file__).parents[1] / "docker" / "Dockerfile"


class Instruction(NamedTuple):
    """One instruction, and the stage that it belongs to."""

    stage: str
    word: str
    rest: str


def instructions() -> list[Instruction]:
    """Read the Dockerfile: comments dropped, lines joined; before the first FROM, the stage is empty."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found, stage = [], ""
    for line in filter(str.strip, joined.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.rpartition(" ")[2]
        found.append(Instruction(stage, word, rest.strip()))
    return found
