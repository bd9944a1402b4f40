"""What bench/run and bench/round/round are made of: measurements, ratios to the goals, and the report."""
