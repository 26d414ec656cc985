"""What is wrong with a set of documents, found before a customer finds it."""
