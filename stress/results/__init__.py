"""What came out: frozen arrays and views of them, each number with its error."""
