"""What the clients of these tests are allowed."""

from __future__ import annotations

#: The largest body, in bytes.
LIMIT = 64 * 1024
#: How long a call may take that nothing but its timeout can end, in seconds.
TIMEOUT = 0.12
#: What a call may need beyond that on a busy machine.
SLACK = 3.0
#: How much more memory than before any call may hold at its worst.
MEMORY = 8 << 20
