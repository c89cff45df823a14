"""What files say of themselves, one file for each family of formats."""
