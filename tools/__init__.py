"""Tools to develop and check the project; never deployed."""
