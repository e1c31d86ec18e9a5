"""Google Cloud Storage look-alike: the JSON API, with its preconditions enforced."""
