from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.decoding import decode, looks_binary
from retrieval.errors import UnreadableDocument

FRENCH = "Réinitialisez votre mot de passe : cliquez sur « Oublié ? » à côté du champ. " * 3
GERMAN = "Öffnen Sie die Übersicht – prüfen Sie Größe und Preis (5 €). " * 3  # noqa: RUF001 - the dash is meant


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_unicode_is_read_with_and_without_a_mark(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding)) == FRENCH


@pytest.mark.parametrize("text", [FRENCH, GERMAN, "Café crème"])
def test_western_legacy_text_keeps_its_letters(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Чтобы сбросить пароль, откройте настройки и нажмите кнопку. "),
        ("koi8_r", "Чтобы сбросить пароль, откройте настройки и нажмите кнопку. "),
        ("cp1250", "Aby zresetować hasło, otwórz ustawienia i kliknij przycisk. "),
        ("shift_jis", "パスワードをリセットするには、設定を開いてください。"),
        ("gb18030", "要重置密码，请打开设置并单击按钮。"),  # noqa: RUF001 - the comma is meant
    ],
)
def test_other_legacy_encodings_are_recognised(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding) * 4) == text * 4


def test_line_ends_become_one_kind() -> None:
    assert decode(b"a\r\nb\rc\x0cd\xe2\x80\xa8e") == "a\nb\nc\nd\ne"


def test_unprintable_characters_are_left_out() -> None:
    assert decode("a\u0007b\ufeffc\ufffdd".encode()) == "abcd"


def test_a_stray_byte_does_not_spoil_a_utf8_page() -> None:
    assert decode(FRENCH.encode() + "Größe".encode("cp1252")) == FRENCH + "Größe"


def test_bytes_in_no_known_encoding_are_refused() -> None:
    with pytest.raises(UnreadableDocument, match="no encoding that could be recognised"):
        decode(FRENCH.encode() + b"\x81\x8d\x8f\x90\x9d\xff\xfe" * 20)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        zlib.compress(bytes(n * n % 251 for n in range(5000))),
        b"a\0b",
    ],
)
def test_binary_data_is_refused_by_name(data: bytes) -> None:
    assert looks_binary(data)
    with pytest.raises(UnreadableDocument, match=r"logo\.txt is not text"):
        decode(data, page="logo.txt")


def test_damaged_utf16_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match="damaged utf-16-le"):
        decode(b"\xff\xfea\0b\0\x00\xd8")


@given(st.text())
def test_any_utf8_text_decodes_without_control_characters(text: str) -> None:
    if "\0" in text or looks_binary(text.encode()):
        return
    decoded = decode(text.encode())
    assert decoded == decode(decoded.encode())
    assert not set(decoded) & set("\r\x00\x0b\x85\ufffd")
