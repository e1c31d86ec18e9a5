"""What should be there against what is there."""
