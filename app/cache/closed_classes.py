"""The few words of English whose meaning lies in their contrast with others."""

from __future__ import annotations

import re


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NEGATIONS = frozenset(
    _words(
        "not no never none nothing nobody nowhere neither nor cannot cant wont dont doesnt didnt "
        "isnt arent wasnt werent hasnt havent hadnt couldnt wouldnt shouldnt without unable non"
    )
)
QUESTION_WORDS = frozenset(_words("why what when where who whom which how"))

# "one" is left out: it is mostly no number. So is "may", the month, for "may I".
_COUNTS = _words("two three four five six seven eight nine ten eleven twelve")
_TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS = _words("first second third fourth fifth sixth seventh eighth ninth tenth")
_ENDS = ("st", "nd", "rd", *("th",) * 7)
_DATES = _words(
    "january february march april june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday weekend weekday weekends weekdays "
    "christmas easter"
)
NUMBERS = {
    "zero": "0",
    **{word: str(number) for number, word in enumerate(_COUNTS, 2)},
    **{word: str(10 * number) for number, word in enumerate(_TENS, 2)},
    **{word: f"{number}." for number, word in enumerate(_ORDINALS, 1)},
    **{f"{number}{end}": f"{number}." for number, end in enumerate(_ENDS, 1)},
    **{word: word for word in _DATES},
    "half": "1/2",
    "once": "1x",
    "twice": "2x",
    "hundred": "100",
    "thousand": "1000",
    "last": "last",
}

# A question that has one of these asks for something else than one that has not.
RESTRICTIONS = frozenset(
    _words(
        "only every each both either other others another else same different except instead "
        "again more less most least multiple several someone somebody anyone anybody everyone "
        "everybody he she they him them his her hers their theirs our should automatically "
        "manually permanently temporarily before after until since during while unless "
        "partially fully"
    )
)

# Words that carry a question along without changing what is asked for.
LIGHT = frozenset(
    _words(
        "get gets got getting want wants wanted need needs please able tell know let go going "
        "show see find make way ways steps guide instructions feature option question problem "
        "issue trouble explain thanks thank hi hello hey possible possibly would could anyway "
        "currently really actually exactly try trying tried seem seems wonder wondering kindly "
        "like say says think thought just simply"
    )
)
# Those of them that are acts all the same, where each question has another.
ACTS = frozenset(_words("get gets got getting go going show see find make try trying tried"))

PERSONS = {
    **dict.fromkeys(_words("i me myself we us i'm i've i'd i'll we're we've"), "i"),
    **dict.fromkeys(_words("you yourself you're you've you'll"), "you"),
    **dict.fromkeys(_words("he him she they them someone somebody they're"), "they"),
}

PAST = frozenset(_words("was were did didn't wasn't weren't had hadn't ago yesterday"))
FUTURE = frozenset(_words("will won't shall gonna i'll you'll we'll they'll it'll"))

# What a preposition says of the words after it.
DIRECTIONS = {
    **dict.fromkeys(("to", "into", "onto"), "to"),
    **dict.fromkeys(("by", "via"), "by"),
    **{word: word for word in _words("from before after with than for instead on")},
}
OPPOSITE_DIRECTIONS = ({"from", "to"}, {"before", "after"})

# Small words of which at most one holds at a time. Where larger ones differ, no list is needed:
# a word that matters and stands in one of two questions only tells them apart, whatever it is.
EITHER_OR = tuple(
    frozenset(_words(group))
    for group in (
        "on off",
        "in out",
        "up down",
        "before after",
        "above below",
        "over under",
        "through around",
        "with without",
        "more less fewer",
        "most least",
        "all none",
        "now then later",
        "here there",
        "this that next last previous",
        "these those",
        "my your",
        "my his her their",
        "your his her their",
    )
)

QUESTION_KINDS = {
    "consequence": re.compile(r"\bwhat (?:will |would )?happens?\b"),
    "difference": re.compile(r"\bdifferences?\b|\bcompared?\b|\bversus\b|\bvs\b"),
    "reason": re.compile(r"\bwhy\b|\bhow come\b|\bwhat(?:'s| is| was) the reason\b|\breasons?\b"),
    "frequency": re.compile(r"\bhow (?:often|frequently|many times)\b"),
    "count": re.compile(r"\bhow many\b"),
    "price": re.compile(r"\bhow much\b|\bwhat .{0,25}\b(?:cost|price|fee)s?\b"),
    "time": re.compile(
        r"\bhow long\b|\bhow (?:soon|quickly|fast|late)\b|\bwhen\b|\bwhen's\b"
        r"|\bwhat (?:time|day|date)\b"
    ),
    "place": re.compile(r"\bwhere\b"),
    "person": re.compile(r"\bwho(?:m|se)?\b"),
    "choice": re.compile(r"\bwhich\b"),
    "way": re.compile(r"\bhow (?:do|can|to|could|should|would|does|might|did|is|are)\b|^how\b"),
    "definition": re.compile(r"^what(?:'s| is| are| does)\b"),
    "whether": re.compile(
        r"^(?:is|are|am|was|were|do|does|did|can|could|may|will|would|has|have)\b"
    ),
}
# Kinds that people use for one another.
KINDS_ALIKE = (
    {"place", "way"},
    {"person", "way"},
    {"choice", "way"},
    {"place", "choice"},
    {"definition", "choice"},
    {"whether", "way"},
)
ASKS_OBLIGATION = re.compile(
    r"\b(?:must|mandatory|obligatory|compulsory|obliged)\b|^should\b"
    r"|^(?:do|does|is it|would|why do|why does) .{0,20}"
    r"\b(?:have to|need to|needed|necessary|required)\b"
)
ASKS_CONSEQUENCE = re.compile(r"\bwhat (?:will |would )?happens?\b|\bwhat if\b")
