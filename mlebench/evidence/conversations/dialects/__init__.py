"""What requests and answers say in each of the four dialects."""
