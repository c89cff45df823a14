"""The audit: does anything that an agent sees tell the answers?"""
