"""What people look at: plots and the daily report."""
