"""Knowledge as releases: a run builds a candidate that nobody sees, checks it, and switches."""
