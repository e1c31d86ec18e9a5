import subprocess
import sys


def test_a_sandbox_that_is_not_asked_loads_nothing_that_computes():
    code = (
        "import sys\nfrom eoflows.sandbox import Sandbox, SandboxSettings\n"
        "with Sandbox(SandboxSettings(days=0)) as box: pass\n"
        "print(*[name for name in ('numpy', 'pyarrow', 'rasterio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
