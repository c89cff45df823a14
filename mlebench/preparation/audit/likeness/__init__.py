"""What makes two rows, texts, pictures or sounds the same, and how such pairs are found among many."""
