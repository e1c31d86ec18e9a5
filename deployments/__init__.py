"""What prefect.yaml cannot say: blocks, pools, automations, metrics, and the local installation."""
