"""Which run starts when: expectations, order, retries, and what people see of it."""
