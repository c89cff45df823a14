"""Walls made by Apptainer (or Singularity), for clusters whose nodes lack Docker: our images as SIF files."""
