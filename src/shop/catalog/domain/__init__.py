"""What is true of products and stock, whatever the machinery: pure."""
