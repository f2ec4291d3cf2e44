"""The English words that `likeness` knows: those that say nothing by themselves, and what others come to."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _classes(**groups: str) -> dict[str, str]:
    return {word: name for name, words in groups.items() for word in words.split()}


LIGHT = _set(
    "a an the my your our its is are am can could would may please kindly and so then possible actually basically"
)
"""Left out where they stand beside what they belong to. All else has to be the same in both questions."""
SUBJECTS = {"i": "i", "we": "i", "you": "you"}
POINTERS = _set("this that these those")
"""Left out before what they point to."""
OWNERS = {"my": "i", "our": "i", "your": "you", "the": "the", "a": "a", "an": "a"} | dict.fromkeys(POINTERS, "the")
"""Whose it is, which one, or any."""
BE = _set("is are am be been being was were")
HAVE = _set("have has had")
OTHER_AUXILIARIES = _set("do does did can could would may will shall should must might")
PAST = _set("was were did had")
AUXILIARIES = BE | HAVE | OTHER_AUXILIARIES
ABILITY = {"can": "can", "could": "can", "may": "may", "might": "might"}
"""Who can may be able or allowed to; `might` is what turns of speech make of the one, and `may` of the other."""
ASKING = _set("how when where who whom whose why what which whether")
BEFORE_SUBJECTS = AUXILIARIES | ASKING | _set("that if because and or but not than as")
"""Where `you` is the one who does it."""
AFTER_POINTERS = AUXILIARIES | _set("to of for in at on with about by from into over under than and or but if when not")
"""What does not belong to `this` and `that`."""
RELATIVE = _set("that which who")
BEFORE_NO_CLAUSE = AFTER_POINTERS | ASKING | LIGHT | set(SUBJECTS) | {""}
"""No nouns, about which a clause could say more."""
POLAR = _classes(
    no="no not never none nobody nothing neither nor without unsafe impossible illegal invalid unable incorrect except"
    " unless",
    either="or either",
    off="off disable disables disabled disabling deactivate deactivated",
    on="enable enables enabled enabling activate activated",
    more="more above over exceed exceeds higher greater longer larger maximum max most highest largest longest increase"
    " increases increased raise",
    less="less fewer below under lower smaller shorter minimum min least lowest smallest shortest decrease decreases"
    " decreased reduce",
    before="before prior previous earlier ago last past",
    after="after next following later upcoming since",
    all="all every each always everyone everybody",
    some="some any sometimes few several",
    only="only just solely exclusively",
    will="will shall",
    would="would",
    must="must need needs needed require requires required should ought mandatory",
)
UNITS = _classes(
    usd="usd dollar dollars $", eur="eur euro euros €", gbp="gbp £", yen="yen jpy ¥", percent="percent %",
    km="km kilometre kilometres kilometer kilometers", mile="mile miles mi", m="metre metres meter meters",
    cm="cm centimetre centimetres centimeters", inch="inch inches", foot="foot feet ft",
    kg="kg kilo kilos kilogram kilograms", g="gram grams", mg="mg milligram milligrams",
    mcg="mcg µg μg microgram micrograms", lb="lb lbs pound pounds", oz="oz ounce ounces",
    l="litre litres liter liters", ml="ml millilitre millilitres milliliters", gallon="gallon gallons",
    celsius="celsius centigrade", fahrenheit="fahrenheit", second="seconds sec", minute="minute minutes",
    hour="hour hours", day="day days daily", week="week weeks weekly", month="month months monthly",
    year="year years annual annually yearly", kb="kb kilobytes", mb="mb megabyte megabytes",
    gb="gb gigabyte gigabytes", tb="tb terabyte terabytes",
)  # fmt: skip
MONTHS = _set(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug"
    " sep sept oct nov dec"
)
DATES = MONTHS - {"may"} | _set(
    "monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday tonight morning noon afternoon"
    " evening night midnight weekend weekday spring summer autumn winter quarter am pm now"
)
BEFORE_MAY = _set("in of by until since from last next every this")
"""Where it is a month, as beside a number."""
NUMBERS = {
    word: str(number)
    for number, word in enumerate("zero - two three four five six seven eight nine ten eleven twelve".split())  # noqa: SIM905  (as one reads it)
    if word != "-"  # one stands for anything: "a new one"
} | {"twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "thousand": "1000", "million": "1000000",
     "dozen": "12", "half": "0.5", "once": "1", "twice": "2", "first": "1st", "second": "2nd", "third": "3rd",
     "double": "2x", "triple": "3x"}  # fmt: skip
