"""Says what importing each of some modules loads: python imports.py MODULE... -- SHARED...

Imports what is shared once, and each module in a child of its own, forked from there. Writes a JSON object of
lists: what the shared ones loaded under "", what is loaded after a module's import under its name.
"""

import importlib
import json
import os
import sys


def main() -> None:
    """Answer for all modules that are named."""
    cut = sys.argv.index("--")
    modules, shared = sys.argv[1:cut], sys.argv[cut + 1 :]
    for name in shared:
        importlib.import_module(name)
    print(json.dumps({"": sorted(sys.modules)} | {name: loaded(name) for name in modules}))


def loaded(module: str) -> list[str]:
    """Import a module in a child, which starts from what this process has loaded; an error ends both."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        exec(f"from {module} import *", {})  # Also what is loaded only with the first use of a name.
        with open(writing, "w") as answer:
            json.dump(sorted(sys.modules), answer)
        os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        text = answer.read()
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{module} cannot be imported")
    return list(json.loads(text))


if __name__ == "__main__":
    main()
