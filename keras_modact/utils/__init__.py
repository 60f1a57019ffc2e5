"""What no paper owns."""
