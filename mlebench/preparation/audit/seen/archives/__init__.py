"""Archives read in place: zip, tar, 7z, and single files behind gzip, bzip2, xz or zstd. Nothing is written by a member's name."""
