"""Remote jobs: one model for all services, submission that never doubles, one tracker."""
