"""Walls made by Apptainer (or Singularity), for clusters whose nodes have no Docker: our images as SIF files."""
