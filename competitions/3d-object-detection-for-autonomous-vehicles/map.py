"""The single map of the driving area."""

MAP = "map_raster_palo_alto.png"
