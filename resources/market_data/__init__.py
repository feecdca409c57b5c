"""Sources of prices, corporate actions and central bank reference rates."""
