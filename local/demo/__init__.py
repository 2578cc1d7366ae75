"""`make demo`: the product page's own procedure on the sample people, over HTTP, checked step by step."""
