"""`make demo`: the product page's procedure with the sample people, over HTTP; every step is checked."""
