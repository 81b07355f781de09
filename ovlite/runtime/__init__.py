"""What a program holds in its hands: models made ready, requests, queues, tensors, ports and properties."""
