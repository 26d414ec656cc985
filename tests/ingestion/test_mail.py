from __future__ import annotations

from email.message import EmailMessage

import pytest

from ingestion.limits import ReadingLimits
from ingestion.sources.source import SkipReason
from tests.ingestion.samples import only, read, reasons, refusal, zipped


def message(text: str = "", html: str = "", subject: str = "Opening hours") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = "Ann <ann@shop.example>"
    mail["Date"] = "Mon, 06 May 2024 07:08:09 +0200"
    if text:
        mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def said(text: str = "", html: str = "", subject: str = "Opening hours") -> str:
    return only("a.eml", bytes(message(text, html, subject))).page_content


def test_the_subject_is_the_title_and_the_sender_is_not_told() -> None:
    document = only("a.eml", bytes(message("We open at nine.", subject="Öffnungszeiten")))
    assert document.page_content == "We open at nine."
    assert document.metadata["title"] == "Öffnungszeiten"
    assert document.metadata["updated"] == "2024-05-06T07:08:09+02:00"


def test_html_is_read_where_there_is_some() -> None:
    html = "<ul><li>Open at <a href='https://h/nine'>nine</a></ul>"
    document = only("a.eml", bytes(message("Plain.", html)))
    assert document.page_content == "- Open at nine"
    assert document.metadata["links"] == ["https://h/nine"]


@pytest.mark.parametrize(
    "tail",
    [
        "On Mon, 6 May 2024 at 07:08,\nBob <bob@h.example> wrote:\n> When do\n>\n> you open?\n",
        "Am 6. Mai schrieb Bob:\n\n> Wann?\n\n",
        "> When do you open?\n",
        "-- \nAnn\nThe shop\n",
        "-----Original Message-----\nFrom: Bob\nSent: today\n\nWhen do you open?\n",
        "________________________________\nVon: Bob\nGesendet: heute\n\nWann?\n",
    ],
)
def test_the_message_replied_to_and_the_signature_are_left_out(tail: str) -> None:
    assert said(f"We open at nine.\n\n{tail}") == "We open at nine."


@pytest.mark.parametrize(
    "text",
    [
        "> When do you open?\n\nAt nine.",
        "Please write this:\n\n--\n\nWe open at nine.",
        "----- Hours -----\nNine to five.",
        "> Only a quotation.",
    ],
)
def test_what_may_be_the_senders_own_words_stays(text: str) -> None:
    assert said(text) == text


def test_a_sentence_that_introduces_a_quotation_stays() -> None:
    assert said("Our rule is this:\n> Open at nine.") == "Our rule is this:"


@pytest.mark.parametrize(
    "tail",
    [
        "<div class='gmail_quote'>Bob: <blockquote class='gmail_quote'>When?</blockquote></div>",
        "<div class='gmail_signature'>Ann</div>",
        "<blockquote type='cite'>When?</blockquote>",
        "<hr><div id='divRplyFwdMsg'>From: Bob</div><div>When?</div><p>Bob</p>",
    ],
)
def test_quotations_in_html_are_left_out_by_their_marks(tail: str) -> None:
    assert said("x", f"<body><p>We open at nine.</p>{tail}</body>") == "We open at nine."


def test_a_forwarded_message_is_read_whole() -> None:
    html = "<p>FYI</p><div class='gmail_quote'>We open at nine.</div>"
    assert said("x", html, "Fwd: Opening hours") == "FYI\n\nWe open at nine."


@pytest.mark.parametrize("charset", ["iso-8859-1", "no-such-charset", "utf-8"])
def test_text_is_read_whatever_encoding_it_names(charset: str) -> None:
    head = f"Subject: x\nContent-Type: text/plain; charset={charset}\n\n"
    assert only("a.eml", head.encode() + "Größe".encode("cp1252")).page_content == "Größe"


def test_attachments_of_known_kinds_are_documents_of_their_own() -> None:
    mail = message("See attached.")
    mail.add_attachment(b"# Hours\n\nNine.", maintype="text", subtype="markdown", filename="a.md")
    mail.add_attachment(b"# Prices\n\nTen.", maintype="text", subtype="markdown", filename="a.md")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    mail.add_attachment(b"no", maintype="application", subtype="pdf", filename="../b.pdf")
    documents, skipped = read("m.eml", bytes(mail))
    assert [(found.metadata["page"], found.page_content) for found in documents] == [
        ("m.eml", "See attached."),
        ("m.eml/a.md", "# Hours\n\nNine."),
        ("m.eml/a-2.md", "# Prices\n\nTen."),
    ]
    assert reasons(skipped) == {"m.eml/b.pdf": SkipReason.UNPARSABLE}


def test_what_is_attached_to_an_empty_message_is_read() -> None:
    mail = message()
    mail.add_attachment("We open at nine.", filename="a.txt")
    [document], skipped = read("m.eml", bytes(mail))
    assert document.metadata["page"] == "m.eml/a.txt"
    assert "holds no text" in skipped[0].detail


def test_attachments_beyond_the_limit_are_reported() -> None:
    mail = message("See attached.")
    for at in range(4):
        mail.add_attachment("Words.", filename=f"{at}.txt")
    documents, skipped = read("m.eml", bytes(mail), ReadingLimits(attachments=2))
    assert len(documents) == 3
    assert reasons(skipped) == {"m.eml/2.txt": SkipReason.BEYOND_READING}


def test_archives_and_messages_in_messages_are_reported() -> None:
    mail = message("See attached.")
    mail.add_attachment(
        zipped({"a.md": "Words."}), maintype="application", subtype="zip", filename="a.zip"
    )
    mail.add_attachment(message("Inner."), filename="b.eml")
    _, skipped = read("m.eml", bytes(mail))
    assert reasons(skipped) == {
        "m.eml/a.zip": SkipReason.UNSUPPORTED,
        "m.eml/b.eml": SkipReason.UNSUPPORTED,
    }


def test_messages_nest_no_deeper_than_two_files() -> None:
    inner = message("Innermost.")
    for at in range(4):
        outer = message(f"Message {at}.")
        outer.add_attachment(
            bytes(inner), maintype="application", subtype="octet-stream", filename=f"{at}.eml"
        )
        inner = outer
    documents, skipped = read("m.eml", bytes(inner))
    assert len(documents) == 3
    assert reasons(skipped) == {"m.eml/3.eml/2.eml/1.eml": SkipReason.BEYOND_READING}


def test_an_encrypted_message_is_refused() -> None:
    head = b'Subject: x\nContent-Type: multipart/encrypted; boundary="b"\n\n--b\n\nx\n--b--\n'
    assert refusal("a.eml", head).reason is SkipReason.ENCRYPTED


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\xff",
        b"Content-Type: text/plain; charset=utf-8\nSubject: =?x?q?=\nDate: never\n\n\n",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
        ),
    ],
)
def test_a_message_without_words_is_refused(data: bytes) -> None:
    assert refusal("a.eml", data).reason is SkipReason.UNPARSABLE
