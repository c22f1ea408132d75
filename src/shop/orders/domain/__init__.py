"""What is true of orders, whatever the machinery: pure."""
