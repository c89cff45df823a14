"""The audit: does anything an agent sees reveal the answers?"""
