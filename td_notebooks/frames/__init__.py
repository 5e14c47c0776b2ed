"""Report files to typed tables: bytes, Arrow record batches, pandas."""
