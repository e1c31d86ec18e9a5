"""STAC as a server speaks it: documents, filters, searches."""
