"""The parts of reading a website; `ingestion.sources.website` puts them together."""
