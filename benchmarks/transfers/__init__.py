"""Parts of the benchmark `transfer`."""
