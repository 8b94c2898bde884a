"""The peers of the identity suite: identity providers, and what reaches them."""
