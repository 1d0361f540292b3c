"""From settings to cells: the plan, the jobs, and the only loops over datasets, models and attacks."""
