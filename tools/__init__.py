"""What helps to develop and check the project; none of it is deployed."""
