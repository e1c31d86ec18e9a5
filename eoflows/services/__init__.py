"""A folder per remote service; nothing is shared between them."""
