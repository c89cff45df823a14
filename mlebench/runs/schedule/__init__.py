"""When each run starts: forecasts, order, retries, and how this is shown."""
