"""What every room stands on: errors, times, HTTP, background work."""
