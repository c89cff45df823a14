"""The four versions of each picture."""

ALGORITHMS = ("JMiPOD", "JUNIWARD", "UERD")
KINDS = ("Cover", *ALGORITHMS)
