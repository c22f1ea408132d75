"""What is true of rewards, whatever the machinery: pure."""
