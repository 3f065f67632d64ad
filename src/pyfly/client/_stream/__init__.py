"""Step 6: results that come piece by piece: streams, server-sent events, and the pages of a list.

::

    Stream           what a caller iterates over
      source         where its items come from: one response, events with reconnection, pages
        connection   one response whose body is still to come, opened through the pipeline
        items       bytes of the body in, items out: decompression, framing, decoding
"""
