"""Newspaper Vietnamese from a seeded random source: headlines, leads, paragraphs, captions, tables."""

from __future__ import annotations

import re
import unicodedata
from random import Random

from tests.replica.vocabulary import FAMILY, FIELDS, GENERAL, GIVEN, MIDDLE, PEN_NAMES

_SYMBOL = re.compile(r"\{(\w+)\}")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def fold(text: str) -> str:
    """Lower case without diacritics."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def slug(text: str, *, keep_number_marks: bool = False) -> str:
    """The address form of a headline.

    Marks inside numbers vanish (26/2/2026 → 2622026) unless ``keep_number_marks``: then they are hyphens.
    """
    folded = fold(text)
    if not keep_number_marks:
        folded = re.sub(r"(?<=\d)[.,/:](?=\d)", "", folded)
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")


class Writer:
    """Makes text about one field (a key of ``vocabulary.FIELDS``)."""

    def __init__(self, random: Random, field: str) -> None:
        self.random = random
        self.words = {**GENERAL, **FIELDS[field]}

    def say(self, symbol: str) -> str:
        """One filled pattern of the list ``symbol``, beginning with a capital."""
        return capital(self._fill(self.random.choice(self.words[symbol])))

    def paragraph(self, sentences: int) -> str:
        """Sentences of different patterns."""
        patterns = self.random.sample(self.words["cau"], sentences)
        return " ".join(capital(self._fill(pattern)) for pattern in patterns)

    def name(self) -> str:
        return " ".join(self.random.choice(part) for part in (FAMILY, MIDDLE, GIVEN))

    def pen_name(self) -> str:
        return self.random.choice(PEN_NAMES)

    def table(self, rows: int) -> tuple[tuple[str, ...], ...]:
        """A header row and ``rows`` rows of data."""
        header = ("Địa bàn", "Số lượng", "So với năm trước")
        lines = [(capital(self._word("noi")), self._word("so_lon"), self._word("pt")) for _ in range(rows)]
        return (header, *lines)

    def _fill(self, pattern: str) -> str:
        return _SYMBOL.sub(lambda match: self._word(match[1]), pattern)

    def _word(self, symbol: str) -> str:
        random = self.random
        match symbol:
            case "ten":
                return self.name()
            case "so":
                return str(random.randint(2, 96))
            case "so_lon":
                return f"{random.randint(1, 48)}.{random.randint(0, 99) * 10:03d}"
            case "pt":
                return f"{random.randint(2, 97)},{random.randint(1, 9)}%"
            case "ngay":
                return f"{random.randint(1, 28)}/{random.randint(1, 12)}"
            case "thang":
                return str(random.randint(1, 12))
            case "nam":
                return str(random.randint(2027, 2035))
            case "nam_cu":
                return str(random.randint(1986, 2019))
        if symbol not in self.words:  # {Noi} is {noi} with a capital
            return capital(self._word(symbol[0].lower() + symbol[1:]))
        return self._fill(random.choice(self.words[symbol]))
