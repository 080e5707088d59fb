"""The scenarios, a module for each family of attacks, and ``SCENARIOS`` in each of them."""
