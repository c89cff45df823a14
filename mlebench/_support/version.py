"""The version of the harness, as reports and manifests record it."""

VERSION = "0.1.0"
