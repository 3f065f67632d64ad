"""Step 5: who the caller is: credentials, resolved for each attempt and shown nowhere."""
