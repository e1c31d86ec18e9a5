"""Where bytes and records are kept and how they get there."""
