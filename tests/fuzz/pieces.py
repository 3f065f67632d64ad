"""What the grammars of the targets are made of, and what bites them."""

from __future__ import annotations


def _cut(text: str) -> tuple[str, ...]:
    return tuple(text.split("¦"))


JSON = _cut(
    '"¦\\¦\\"¦[¦]¦{¦}¦,¦:¦ ¦\n¦\r¦\t¦\ufeff¦\x1e¦null¦true¦0¦-1.5e3¦NaN¦Infinity¦1e999¦'
    '[[¦{}¦"a":¦{"a":¦\\u0041¦\\ud800¦\ud800¦\xe9¦\x00¦[1]¦1,¦//¦9999999999999999999999'
)
URL = _cut(
    "http://¦https://¦HTTP://¦//¦/¦\\¦?¦#¦@¦:¦%¦%2e¦%2F¦..¦.¦;¦a¦shop.test¦evil¦[¦]¦"
    "::1¦80¦99999¦user:pass@¦xn--¦ ¦\t¦\n¦\r¦\x00¦\xe9¦\u3002¦\ud800¦{¦}¦{a}¦javascript:¦&¦=¦+"
)
YAML = _cut(
    "pyfly:\n¦  client:\n¦    default:\n¦      timeout: ¦30s\n¦a: ¦\n¦  ¦- ¦{¦}¦[¦]¦, ¦"
    ": ¦? ¦&x ¦*x¦<<: ¦!!¦!¦|\n¦>\n¦'¦\"¦\\¦${A}¦${¦}¦---\n¦...\n¦%YAML 1.1\n¦# c\n¦\t¦"
    "\x00¦\ufeff¦\xe9¦~¦1_0¦pyfly.profiles.active: a\n¦"
    "pyfly.client.retry.max-attempts: 3\n¦\x85¦\u2028¦\ud800"
)
DATE = _cut(
    "Wed, ¦21 ¦Oct ¦2015 ¦07:28:00 ¦GMT¦+0000¦-0000¦-9999¦EST¦0¦9¦ ¦,¦:¦-¦+¦.¦\n¦120¦"
    '1e9¦Feb ¦30 ¦99999 ¦\t¦\xb2¦(¦)¦"'
)
CONFIG = _cut(
    "default¦timeout¦retry¦max-attempts¦circuit-breaker¦clients¦inventory¦.¦base-url¦_¦"
    "-¦__¦\n¦30s¦true¦0¦-1¦${A:1}¦10MiB¦A¦ ¦\xe9¦[0]"
)
NAMES = _cut("DEFAULT¦TIMEOUT¦RETRY¦MAX¦ATTEMPTS¦CLIENTS¦INVENTORY¦BASE¦URL")
LINK = _cut('<¦>¦;¦,¦=¦"¦\\¦ ¦\t¦\'¦\n¦rel¦next¦rel="next"¦<a>¦; ¦anchor¦title*=¦\xe9¦http://a')
DEADLINE = _cut("0¦9¦.¦-¦+¦e¦m¦S¦H¦n¦ ¦\u0663")
CONTENT_TYPE = _cut('text¦/¦plain¦;¦=¦"¦\\¦ ¦\t¦charset¦utf-8¦+json¦\xe9¦\n')
CHARSET = _cut(
    "utf-8¦utf-16¦utf-7¦hex¦idna¦punycode¦unicode_escape¦mbcs¦zip¦rot13¦undefined¦"
    'base64¦\n¦\x00¦\xe9¦a¦\\¦-¦_¦"¦\ud800¦xn--¦raw_unicode_escape¦iso2022_jp¦\x1b$B¦+¦'
    "cp1252¦.¦hz¦~{¦xxxxxxxx"
)
TEXT_LINES = _cut("utf-8¦utf-16¦idna¦hex¦\n¦\r¦\r\n¦\x85¦\u2028¦\xe9¦a¦\x00¦\ufeff")
FILE_NAMES = _cut('/¦\\¦.¦..¦a¦.png¦.tar.gz¦data:¦:¦\x00¦"')
CONTENT_ENCODING = _cut(
    "gzip¦deflate¦br¦zstd¦identity¦,¦ ¦\n¦x-gzip¦\x1f\x8b\x08\x00¦x\x9c¦\x00¦\xff¦\xe9"
)
EVENTS = _cut("data¦:¦ ¦\n¦\r¦\r\n¦id¦event¦retry¦data: a\n¦\ufeff¦\x00¦9¦\xe9¦\xb2")
HTTP_FRAMING = _cut(
    "HTTP/1.1 200 OK\r\n¦HTTP/1.1 100 \r\n\r\n¦Content-Length: 2\r\n¦\r\n¦\n¦\r¦:¦"
    "Transfer-Encoding: chunked\r\n¦0\r\n¦2\r\nab\r\n¦ffffff¦; x=y¦ab¦a: b\r\n¦204 "
)
DURATIONS = _cut("1¦0¦30¦.¦s¦ms¦us¦m¦h¦d¦PT¦P¦T¦W¦-¦+¦e¦_¦ ¦\xb5¦:¦\u0663")
NUMBERS = _cut("1¦0¦.¦e¦-¦+¦_¦,¦x¦KiB¦MB¦true¦on¦~¦ ¦\u0663¦inf")
PLACEHOLDERS = _cut("${¦}¦$¦{¦:¦a¦b.c¦d¦e¦f¦$${¦${a}¦${a:¦${b.c}¦x¦\n¦\xe9")
CASSETTE_HEAD = """version: 1
recorded: 2026-01-01T00:00:00+00:00
base-url: http://shop.test
exchanges:
"""
CASSETTE = (
    *YAML,
    CASSETTE_HEAD,
    *_cut(
        "- request: {method: GET, url: /a}\n¦  response: {status: 200}\n¦  response:\n¦"
        "  error: {type: ReadException}\n¦    status: 7\n¦    headers: {a: b}\n¦    body: x\n¦"
        "    json: [1]\n¦    base64: '!'\n¦- call: Shop.all\n¦  arguments: {a: 1}\n¦2024-99-99¦"
        "!!binary x¦!!float .nan¦!!timestamp x¦1:99¦0x_¦exchanges: 5\n¦recorded: x\n"
    ),
)
FAULTS = (
    *YAML,
    *_cut(
        "seed: 7\n¦connections:\n¦  repeat: true\n¦  phases:\n¦    - { state: open, for: 20s }\n¦"
        "routes:\n¦  - route: GET /products/{id}\n¦    answers:\n¦      - { times: 50 }\n¦"
        "      - { do: reset, at: body }\n¦      - { mix: [{ weight: 9 }, { do: drip }] }\n¦"
        "      - { latency: { median: 30ms, sigma: 0.8 } }\n¦      - { status: 503 }\n¦weight: -1¦"
        "for: 0s"
    ),
)
