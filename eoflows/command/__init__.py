"""The command line `eoflows`: thin, over the same calls as the flows and `eoflows.deployments`.

A command's module is imported when the command runs, and imports Prefect, if at all, only then:
`eoflows --help` answers at once.
"""

from cyclopts import App

__all__ = ["app", "main"]

app = App(
    name="eoflows",
    help="Prefect workflows that move Earth-observation data between services and your storage.",
)
app.command(
    "eoflows.command.local:demo", name="demo", help="Run the main job on a sandbox and show what was staged."
)
app.command(
    "eoflows.command.local:up", name="up", help="The same, and keep UI and catalogue open until Ctrl-C."
)
app.command("eoflows.command.deployments:deploy", name="deploy", help="Deploy what prefect.yaml describes.")
app.command(
    "eoflows.command.upgrade:upgrade",
    name="upgrade",
    help="Carry over what an older release left, after showing it; old names are answered with today's.",
)


def main() -> None:
    """Run the command that the command line names, and exit with its code."""
    app()
