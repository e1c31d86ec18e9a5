"""Search, selection, staging, unpacking and expiry of products."""
