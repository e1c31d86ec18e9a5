"""Private PostgreSQL and pgstac servers."""
