"""UP42: password login, priced processing jobs, assets in a STAC catalogue, signed downloads."""
