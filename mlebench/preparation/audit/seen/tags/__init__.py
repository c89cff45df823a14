"""What files say about themselves, one file for each family of formats."""
