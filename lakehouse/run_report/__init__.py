"""The report of a run as one HTML file: `facts` collects the numbers, `page` and `figures` show them."""
