"""Which words are one word in another form: its endings, its spelling, the noun of its verb, and a few of its names."""

from __future__ import annotations

import re
from functools import lru_cache

_VOWEL = re.compile(r"[aeiouy]")
_SHORT = re.compile(r"[^aeiou]*[aeiouy](?:[^aeiouwxy]|([^aeiou])\1)")
"""One syllable with one short vowel: a consonant after it is doubled before an ending."""
_HISSING = re.compile(r"(?:s|x|z|ch|sh|o)es$")
_DOUBLED = frozenset(("add", "egg", "err"))
_OWN_PLURALS = frozenset(
    (
        "news", "goods", "terms", "customs", "glasses", "savings", "damages", "contents", "premises", "shorts", "arms",
        "works", "means", "odds", "series", "species", "wages", "thanks", "pants", "brains", "spirits", "grounds",
        "manners", "minutes", "seconds", "clothes",
    )
)  # fmt: skip
"""Which say something else than their singular."""
ACTIVE = "\ufff9"
"""Before a participle in a sentence that was turned round: what somebody does, and not what was done."""


def _one_word(*sets: str) -> dict[str, str]:
    return {word: words.partition(" ")[0] for words in sets for word in words.split()}


_VERBS = _one_word(
    "pay paid", "send sent", "sell sold", "buy bought", "make made", "give gave given", "take took taken",
    "write wrote written", "wear wore worn", "lose lost", "find found", "hold held", "keep kept", "meet met",
    "see saw seen", "show shown", "spend spent", "steal stole stolen", "tell told", "throw threw thrown", "win won",
    "build built", "catch caught", "choose chose chosen", "drive drove driven", "eat ate eaten",
    "forget forgot forgotten", "hide hid hidden", "know knew known", "break broke broken", "bring brought",
    "leave left", "begin began begun", "speak spoke spoken", "understand understood", "teach taught",
    "fly flew flown", "go went gone", "get got gotten", "come came", "say said", "think thought", "drink drank drunk",
    "sleep slept", "feel felt", "fall fell fallen", "rise rose risen", "run ran", "sit sat", "stand stood",
    "do done", "lend lent", "draw drew drawn", "grow grew grown", "sing sang sung", "swim swam swum", "hear heard",
)  # fmt: skip
PAST = {form for form, verb in _VERBS.items() if form != verb} | {"read", "cut", "put", "set", "shut", "hit"}
"""Forms that are past, or may be; those that end in `ed` aside."""
_NOUNS = _one_word("child children", "person people", "man men", "woman women", "tooth teeth", "mouse mice")
_DERIVED = _one_word(
    "deliver delivery deliveries", "ship shipment shipments", "pay payment payments", "connect connection connections",
    "cancel cancellation cancellations cancelation", "register registration registrations",
    "reserve reservation reservations", "install installation installations", "activate activation",
    "confirm confirmation", "verify verification", "subscribe subscription subscriptions", "replace replacement",
    "renew renewal renewals", "remove removal", "approve approval", "arrive arrival", "refuse refusal",
    "delete deletion", "translate translation translations", "configure configuration", "migrate migration",
    "repair repairs", "upgrade upgrades", "enrol enrolment enrollment", "reimburse reimbursement",
    "complain complaint complaints", "recommend recommendation recommendations", "explain explanation explanations",
    "summarize summary", "terminate termination", "modify modification modifications",
)  # fmt: skip
"""The verb and what names its act; none that names something else as well, as `order` or `state` and `statement`."""
_SAME = _one_word(
    "email e-mail e-mails emails", "wifi wi-fi", "online on-line", "website web-site websites",
    "need require", "buy purchase", "begin start commence", "phone telephone", "luggage baggage",
    "choose select", "allow permit", "child kid", "lawyer attorney", "tv television",
    "fridge refrigerator", "erase delete", "info information", "help assist",
    "modify alter", "sick ill",
)  # fmt: skip
"""Two words for one thing or act. The test for each: in no sentence where one makes sense does the other say
something else that makes sense, as `delivered` and `shipped` do, or `flat` and `apartment` before `rate`."""
_SPELLING = (
    (re.compile(r"^(col|fav|hon|lab|neighb|behavi|flav|harb|hum|rum|vap|od|arm|endeav)our"), r"\1or"),
    (re.compile(r"(?<=[a-z]{3})is(e|es|ed|ing|ation|ations|er|ers)$"), r"iz\1"),
    (re.compile(r"(?<=[a-z])ys(e|es|ed|ing)$"), r"yz\1"),
    (re.compile(r"^(cent|theat|fib|calib|lit|met|kilomet)re(s?)$"), r"\1er\2"),
    (re.compile(r"^(catal|dial|anal)ogue(s?)$"), r"\1og\2"),
    (re.compile(r"^(defen|licen|offen|practi)[cs]e(s|d)?$"), r"\1se\2"),
    (re.compile(r"^grey(s?)$"), r"gray\1"),
    (re.compile(r"^programme(s?)$"), r"program\1"),
    (re.compile(r"^jewellery$"), "jewelry"),
    (re.compile(r"^alumin[i]um$"), "aluminum"),
)  # fmt: skip
"""British, and what it is in American."""


def is_participle(word: str) -> bool:
    """Or what looks like one."""
    return word in PAST or (len(word) > 4 and word.endswith("ed")) or word == "been"


def is_gerund(word: str) -> bool:
    return word.endswith("ing") and bool(_VOWEL.search(word[:-3]))


@lru_cache(10_000)
def forms(word: str) -> frozenset[str]:
    """What a word in lower case may be a form of. Two words are one where some form of both is the same."""
    spelled = _american(word)
    found = {word, spelled, *singular(spelled)}
    if spelled.endswith("ed") and (len(spelled) > 5 or not spelled.endswith("eed")):  # `feed` is no form of `fee`
        found |= _stems(spelled.removesuffix("ed"))
    for known in (_VERBS, _NOUNS, _SAME):
        found |= {known[form] for form in found if form in known}
    return frozenset(found)


@lru_cache(10_000)
def acts(word: str) -> frozenset[str]:
    """The verb whose act a noun names: `ship` for `shipping`. The noun may name a thing as well: `building`."""
    spelled = _american(word)
    found = _stems(spelled.removesuffix("ing")) if is_gerund(spelled) else set()
    found |= {_DERIVED[form] for form in (spelled, *singular(spelled)) if _DERIVED.get(form, form) != form}
    return frozenset(found)


def _american(word: str) -> str:
    for british, american in _SPELLING:
        word = british.sub(american, word)
    return word


def singular(word: str) -> set[str]:
    """What it may be of a noun in the plural, or a verb with `he`, `she` and `it`."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in _OWN_PLURALS:
        return set()
    if word.endswith("ies"):
        return {f"{word[:-3]}y", word[:-1]}
    return {word[:-2], word[:-1]} if _HISSING.search(word) else {word[:-1]}


def _stems(stem: str) -> set[str]:
    """What may have been there before `ed` or `ing`: `file` before `filed`, but `fill` before `filled`."""
    if not _VOWEL.search(stem):
        return set()
    if stem.endswith("i"):
        return {f"{stem[:-1]}y"}
    short = _SHORT.fullmatch(stem)
    if stem[-1] == stem[-2:-1] and stem[-1] not in "aeiou":
        if stem[-1] in "lsfz" or stem in _DOUBLED:
            return {stem} if short else {stem, stem[:-1]}
        return {stem[:-1]}
    return {f"{stem}e"} if short else {stem, f"{stem}e"}
