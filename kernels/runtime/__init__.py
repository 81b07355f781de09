"""Steps, executor, thread team, storage and requests: built once, for any processor."""
