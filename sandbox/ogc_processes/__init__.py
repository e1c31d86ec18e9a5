"""An OGC API - Processes server with real processes, which can be as odd as any server seen in the wild."""
