"""When things happen: definitions, jobs, partitions, schedules, sensors, and the command line."""
