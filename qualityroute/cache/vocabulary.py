"""The English words that `likeness` knows: those that say nothing by themselves, and what others come to."""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _classes(**groups: str) -> dict[str, str]:
    return {word: name for name, words in groups.items() for word in words.split()}


LIGHT = _set(
    "a an the this that these those i my you your we our it its is are am be been being do does have has can could"
    " would may please kindly and so then to of for in at on with about there possible hi hello hey thanks thank"
    " regards dear"
)
"""Left out wherever they stand. All that is not in here has to be the same in both questions."""
SUBJECTS = {"i": "i", "we": "i", "you": "you"}
OWNERS = {"my": "i", "our": "i", "your": "you", "the": "the", "this": "the", "that": "the", "a": "a", "an": "a"}
"""Whose it is, which one, or any."""
BE = _set("is are am be been being was were")
HAVE = _set("have has had")
OTHER_AUXILIARIES = _set("do does did can could would may will shall should must might")
PREPOSITIONS = _set("to of for in at on with about")
"""Not left out before a number or a date: `in 5 days` is not `for 5 days`."""
PAST = _set("was were did had")
PARTICIPLES = _set(
    "paid sent sold bought made given taken written worn lost found held kept left met read seen shown spent stolen"
    " told thrown won built caught chosen done driven eaten forgotten hidden known broken brought cut put set shut hit"
)
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
ABILITY = _set("can could may")
NUMBERS = {
    word: str(number)
    for number, word in enumerate("zero - two three four five six seven eight nine ten eleven twelve".split())  # noqa: SIM905  (as one reads it)
    if word != "-"  # one stands for anything: "a new one"
} | {"twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "thousand": "1000", "million": "1000000",
     "dozen": "12", "half": "0.5", "once": "1", "twice": "2", "first": "1st", "second": "2nd", "third": "3rd",
     "double": "2x", "triple": "3x"}  # fmt: skip
DERIVED = {
    "delivery": "deliver", "deliveries": "deliver", "shipment": "ship", "payment": "pay", "payments": "pay",
    "connection": "connect", "returnable": "return", "cancellation": "cancel", "registration": "register",
    "reservation": "reserve",
}  # fmt: skip
OPENINGS = re.compile(
    r"^(?:(?:hi|hello|hey|dear \w+)[,!. ]+)?"
    r"(?:(?:please |kindly )?(?:(?:can|could|would|will) you (?:please |kindly )?)?"
    r"(?:tell|show|let|explain to|remind) me(?: know)?(?: about)?(?: if| whether)?\b"
    r"|i(?:'d| would)? (?:want|like|need) to know(?: if| whether)?\b|do you know(?: if| whether)?\b"
    r"|i was wondering(?: if| whether)?\b|i (?:need|want|am looking for)\b)[ ,:]*",
    re.IGNORECASE,
)
"""Of a sentence, with nothing of what is asked."""
TURNS = (
    (re.compile(r"\bis it possible (?:to|for me to)\b", re.IGNORECASE), "can i"),
    (re.compile(r"\bis there (?:a|any) way to\b", re.IGNORECASE), "how can i"),
    (re.compile(r"\bwhat (?:do|must|should|can) i (?:have to |need to )?do (?:to|so that|in order to)\b",
                re.IGNORECASE), "how do i"),
    (re.compile(r"\b(?:what|which) steps (?:are (?:needed|required|necessary)|do i (?:take|need)) to\b", re.IGNORECASE),
     "how to"),
    (re.compile(r"\bhow would i go about\b", re.IGNORECASE), "how do i"),
    (re.compile(r"\b(?:have|has|had) to\b", re.IGNORECASE), "must"),
)  # fmt: skip
"""Of speech, and what they come to."""
