"""convert_model(), and what it reads besides files."""
