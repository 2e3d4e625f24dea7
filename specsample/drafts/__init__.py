"""Other draft sources behind the same Protocol: anything with `start`, `extend` and `rollback` can draft."""
