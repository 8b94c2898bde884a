"""What the soak shares: its stand-ins, its load, its figures."""
