"""The replica's English: patterns and word lists for the English editions, written for it."""

# ruff: noqa: E501 - a list a line

from __future__ import annotations

from random import Random

WORDS: dict[str, tuple[str, ...]] = {
    "place": ("Vinh Ha province", "Hai Thanh city", "An Loc district", "the Hon May island", "Kim Giang city",
              "the Dong Sen commune", "the eastern coast", "the Moc Son midlands", "Cua Rao town"),
    "country": ("Veldania", "the Torsk Federation", "Halmar", "Kestonia", "Marovia", "the Elric islands", "Palanta"),
    "body": ("the provincial committee", "the friendship society", "a group of young engineers", "the growers' union",
             "the folk museum", "the regional hospital", "the coaching board", "the coordination office"),
    "topic": ("the coastal road project", "digital public services", "the cold supply chain", "silk weaving",
              "remote health care", "the youth league", "cross-border exchanges", "clean energy", "small satellites"),
    "deed": ("reviewed the whole procedure", "opened a training course", "signed a memorandum", "published its data",
             "raised its forecast", "restored an old festival", "added two stations", "invited outside experts"),
    "result": ("is moving faster than planned", "has won broad support", "still needs more time", "cuts costs by half",
               "draws more visitors every week", "has reached the farthest villages"),
    "who": ("farmers", "students", "overseas Vietnamese", "small traders", "visitors", "patients", "young players"),
    "role": ("team leader", "researcher", "teacher", "coach", "director", "artisan", "physician", "spokesperson"),
    "name": ("Tran Minh Chi", "Le Quang Phuc", "Nguyen Thu Yen", "Pham Duc Son", "Ho Ngoc Lam", "Bui Gia Trung"),
    "opening": ("According to the new plan,", "At the same time,", "In practice,", "Compared with last year,",
                "After several rounds of talks,", "Looking further ahead,", "For local people,", "Notably,"),
    "sentence": (
        "{opening} {body} {deed} in {place}.",
        "{role} {name} said that {topic} {result}.",
        "About {number} {who} in {place} took part, {percent} more than a year ago.",
        "Partners from {country} agreed that {topic} {result}.",
        "By {month} {day}, {body} had completed {percent} of the work on {topic}.",
        "Since {month}, {who} have seen how {topic} {result}.",
        "The first phase costs {number} billion dong, and {percent} of it goes to {place}.",
        "{opening} {who} and {body} {deed} together with {country}.",
    ),
    "headline": ("{body} {deed} in {place}", "How {topic} {result}", "{who} in {place} look to {topic}",
                 "{country} joins {number} partners on {topic}", "{number} days of {topic} in {place}"),
    "lead": ("{body} {deed} this week, and {topic} {result}.", "In {place}, {number} {who} wait to see whether {topic} {result}."),
    "heading": ("A careful step in {place}", "What {who} expect", "Lessons from {country}", "{topic} and {number} open tasks"),
    "entry": ("Support for {number} {who}", "{percent} of the plan before {month} {day}", "Work on {topic} in {place}"),
    "caption": ("A meeting about {topic} in {place}", "{role} {name} talks to {who}", "A view of {place}"),
    "month": ("January", "March", "May", "July", "September", "October", "November"),
}  # fmt: skip


class EnglishWriter:
    """Makes English text from a seeded random source."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def say(self, symbol: str) -> str:
        """One filled pattern of the list ``symbol``, beginning with a capital."""
        text = self._fill(self.random.choice(WORDS[symbol]))
        return text[0].upper() + text[1:]

    def paragraph(self, sentences: int) -> str:
        return " ".join(self.say("sentence") for _ in range(sentences))

    def _fill(self, pattern: str) -> str:
        head, brace, rest = pattern.partition("{")
        if not brace:
            return pattern
        symbol, _, tail = rest.partition("}")
        return head + self._word(symbol) + self._fill(tail)

    def _word(self, symbol: str) -> str:
        if symbol == "number":
            return str(self.random.randint(3, 980))
        if symbol == "day":
            return str(self.random.randint(1, 28))
        if symbol == "percent":
            return f"{self.random.randint(21, 980) / 10} percent"
        return self._fill(self.random.choice(WORDS[symbol]))
