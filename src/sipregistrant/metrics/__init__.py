"""What Prometheus scrapes: the catalogue of metrics, and their exposition from integers that others keep."""
