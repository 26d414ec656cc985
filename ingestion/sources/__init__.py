"""Where documents come from; each source yields raw files for the parser."""
