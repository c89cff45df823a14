"""The one map of the area that was driven in."""

MAP = "map_raster_palo_alto.png"
