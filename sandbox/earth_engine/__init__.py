"""Google Earth Engine look-alike: its REST API, a synthetic catalogue and real exports."""
