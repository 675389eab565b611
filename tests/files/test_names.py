from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from activities.files.names import LONGEST, archive_name, display_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("lamp.jpg", "lamp.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Ann\\lamp.jpg", "lamp.jpg"),
        ("/etc/", "file"),
        ("..", "file"),
        ("", "file"),
        (" . ", "file"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2066a\u2069\u200b.txt", "a.txt"),
        ("a\0b\x1b[2Jc\n d.txt", "ab[2Jc d.txt"),
        ("Grüße 灯.jpg", "Grüße 灯.jpg"),
        ("half \ud800.txt", "half ?.txt"),
        (".htaccess", "htaccess"),
        ("x" * 200 + ".jpeg", "x" * 115 + ".jpeg"),
        ("x." + "y" * 200, ("x." + "y" * 200)[:LONGEST]),
    ],
)
def test_a_name_is_for_display_only(name: str, shown: str) -> None:
    assert display_name(name) == shown


@given(st.text(max_size=300))
def test_no_name_hides_turns_or_leads_elsewhere(name: str) -> None:
    shown = display_name(name)
    assert 1 <= len(shown) <= LONGEST
    assert not set("/\\") & set(shown)
    assert shown not in (".", "..")
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    assert display_name(shown) == shown
    packed = archive_name(7, "buyer", name, ".jpg")
    assert packed.isascii()
    assert packed.startswith("007-buyer-")
    assert packed.endswith(".jpg")
    assert not set(packed) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert packed.count(".") == 1
