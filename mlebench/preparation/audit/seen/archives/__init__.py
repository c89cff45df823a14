"""Archives read in place: zip, tar, 7z, single files behind gzip, bzip2, xz or zstd; nothing is written by a member's name."""
