"""The config of a run: composed from conf/, checked against real signatures, built. Nothing else instantiates."""
