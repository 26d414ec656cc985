"""Text in, a verdict out."""
