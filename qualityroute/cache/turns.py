"""Turns of English speech and what they come to: one wording for questions that ask for the same.

Each is right by itself, whatever stands in the place of what is not named in it. None looks into a quotation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from qualityroute.cache.forms import ACTIVE, is_participle

_PLEASE = r"(?:please|kindly|pls) "
_ASKED = rf"(?:{_PLEASE})?(?:(?:can|could|would|will) you (?:{_PLEASE})?)?"
_THEN_ASKS = r"(?= (?:how|what|when|where|which|who|whom|whose|why)\b)"
GREETING = re.compile(
    r"^(?:(?:hi|hello|hey)\b[,!. ]*|(?:(?:hi|hello|hey) (?:there|all|team)|dear \w+"
    r"|good (?:morning|afternoon|evening|day)"
    r"|(?:many )?thanks(?: in advance)?|thx|thank you(?: in advance| very much)?|(?:best|kind) regards|excuse me"
    r"|sorry)"
    r"(?:[,!.]+ *|$))",
    re.IGNORECASE,
)
_LET_KNOW = (
    rf"(?:{_ASKED}(?:tell me|let me know|explain to me)|(?:can|could|may) i know"
    r"|i (?:would )?(?:want|like|need|love) to (?:know|find out|understand))"
)
_TOLD = (
    rf"(?:{_LET_KNOW}|i (?:would )?(?:want|like|need|love) to ask|(?:can|could|may) i ask(?: you)?"
    r"|do you (?:happen to )?know|(?:do you have )?any idea|(?:(?:i was|i am|just) )?wondering|i wonder)"
)
OPENINGS = tuple(
    (re.compile(f"^{opening}", re.IGNORECASE), comes_to)
    for opening, comes_to in (
        (rf"{_TOLD},? (?:if|whether)\b", "whether"),
        (rf"{_LET_KNOW}(?: about)?(?= (?:the|my|your|our)\b)", "what is"),
        (rf"{_LET_KNOW} about\b", "what is"),
        (rf"{_TOLD}:?{_THEN_ASKS} ", ""),
        (rf"{_TOLD}: *", ""),
        (rf"{_ASKED}(?:explain|show me|remind me|say){_THEN_ASKS} ", ""),
        (rf"{_ASKED}explain(?= the difference\b)", "what is"),
        (r"(?:i have )?a (?:quick )?question\b[:,. ]*|quick question\b[:,. ]*|by the way\b[, ]*", ""),
        (r"i (?:need|want|am looking for|would like)\b(?: to\b)? *", ""),
        (r"(?:please|kindly|pls)\b[, ]*", ""),
    )
)  # fmt: skip
"""Of a sentence, and what is asked by them."""
CLOSING = re.compile(
    r"[, ]+(?:please|pls|kindly|thanks|thank you|or not|by any chance|if possible)(?=\W*$)", re.IGNORECASE
)

NOUN = r"[^?.!,;:\n]{1,100}?"
"""One word or more, up to what the turn names next; not without end, or long texts take long."""
_END = r"(?=\s*(?:[?.!;]|$))"
_THING = r"(?:the|my|our|your|an?)(?: (?!(?:is|are|was|were|has|have|had|do|does|did|will|not|i|you|we)\b)\w+){1,5}"
_WHO = r"(?:i|we|you|(?:(?!(?:i|we|you)\b)\w+ ?){1,4}?)"
_MINE = r"(?:the|my|your|our|this|that)"
_OF_A_THING = (
    r"price|cost|fee|address|number|name|date|length|size|colou?r|weight|height|width|depth|age|duration|capacity|status"
    r"|version|capital|population|owner|author|location|title|limit|deadline|balance|value|meaning"
    r"|policy|warranty|guarantee|area|speed|temperature|range|purpose|reason|cause|maximum|minimum"
)
_FOR_A_THING = r"address|number|price|cost|fee|invoice|receipt|deadline|limit|password|manual|warranty|guarantee|reason"
_PLACE = r"office|store|shop|branch|hotel|warehouse|factory|airport|station|plant|showroom|campus|clinic|hospital"
_MEASURES = {
    "length|duration": "long", "height": "tall", "age": "old", "size": "big", "depth": "deep", "width": "wide",
}  # fmt: skip
_WORK_OF = {
    "author|writer": "wrote", "inventor": "invented", "founder": "founded", "composer": "composed",
    "painter": "painted", "creator": "created", "designer": "designed", "discoverer": "discovered",
}  # fmt: skip
_ABLE = {
    word: f"{stem}ed"
    for stem, words in {
        "return": "returnable", "refund": "refundable", "exchang": "exchangeable", "transferr": "transferable",
        "cancell": "cancellable cancelable", "wash": "washable", "reus": "reusable", "recycl": "recyclable",
        "adjust": "adjustable", "download": "downloadable", "edit": "editable", "recharg": "rechargeable",
        "remov": "removable", "print": "printable", "replac": "replaceable", "renew": "renewable",
        "extend": "extendable extendible", "customiz": "customizable customisable", "upgrad": "upgradable upgradeable",
    }.items()
    for word in words.split()
}  # fmt: skip


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(words)


def _measured(found: re.Match[str]) -> str:
    word = next(word for words, word in _MEASURES.items() if found["measure"].lower() in words.split("|"))
    return f"how {word} is {found['thing']}"


def _worked(found: re.Match[str]) -> str:
    did = next(did for words, did in _WORK_OF.items() if found["work"].lower() in words.split("|"))
    return f"who {did} {found['thing']}"


def _turned_round(template: str) -> Callable[[re.Match[str]], str]:
    """What is done, told by who does it; as it is, where nothing is done."""

    def turned(found: re.Match[str]) -> str:
        if not is_participle(found["done"].lower()):
            return found[0]
        return template.format_map({**found.groupdict(), "do": ACTIVE + found["done"].lower()})

    return turned


Turn: TypeAlias = str | Callable[[re.Match[str]], str]
_TURNS: tuple[tuple[str, Turn], ...] = (
    # What is allowed, and what one has to do.
    (r"\b(?:is it|would it be) possible (?:for me )?to\b", "might i"),
    (r"\b(?:is it|would it be) (?:allowed|permitted|ok|okay|fine|all ?right) (?:for me )?(?:to|if i)\b", "may i"),
    (r"\b(?:am i|are we) able to\b", "might i"),
    (r"\b(?:am i|are we) (?:allowed|permitted) to\b", "may i"),
    (r"\bdo i have the (?:option|possibility) to\b", "might i"),
    (r"\bdo i have the right to\b", "may i"),
    (rf"^(?:is|are) (?P<who>{_WHO}) able to\b", r"might \g<who>"),
    (rf"^(?:is|are) (?P<who>{_WHO}) (?:allowed|permitted) to\b", r"may \g<who>"),
    (rf"^(?:is|are) (?P<what>{NOUN}) (?P<able>{_alternatives(_ABLE)}){_END}",
     lambda found: f"can {found['what']} be {_ABLE[found['able'].lower()]}"),
    (rf"^(?:do|does) (?P<who>{_WHO}) (?:have|need) to\b", r"must \g<who>"),
    (r"\b(?:have|has) to\b", "must"),
    (r"\bis it (?:necessary|required|mandatory|obligatory) (?:for me to|to|that i)\b", "must i"),
    (rf"^(?:is|are|am) (?P<who>{NOUN}) going to\b", r"will \g<who>"),
    (rf"(?P<asks>\b(?:when|where|what|how|who|why)) (?:is|are|am) (?P<who>{NOUN}) going to\b",
     r"\g<asks> will \g<who>"),
    # How.
    (rf"^what (?:is|are) (?P<what>{NOUN}) like\b", r"how is \g<what>"),
    (r"\bis there (?:a|any) way (?:for me )?to\b", "how can i"),
    (r"\bwhat (?:do|must|should|can) i (?:have to |need to |must )?do (?:to|in order to)\b", "how do i"),
    (r"\bwhat must i do to\b", "how do i"),
    (rf"\bwhat (?:must|do|should|can) i (?:must )?do so that (?P<what>{NOUN}) (?:is|are) (?P<done>\w+)\b",
     _turned_round("how do i {do} {what}")),
    (r"\b(?:what|which)(?: are the)? steps (?:(?:are|is) (?:needed|required|necessary)|(?:do|must|should|can) i"
     r"(?: have to| need to| must)? ?(?:take|need|follow|do)?)(?: in order)? to\b", "how do i"),
    (r"\bwhat(?: is| are)? the (?:right |correct |proper |usual )?(?:ways?|procedure|steps|process) to\b", "how do i"),
    (r"\bhow would i go about (\w+)", r"how do i \1"),
    (r"\b(?P<asks>how|where|when) to\b", r"\g<asks> do i"),
    (r"\bin order to\b|\bso as to\b", "to"),
    (rf"^(?P<what>{_THING}), (?:(?:so|and) )?(?P<asks>where|how) (?:do|can) i (?P<do>\w+) (?:it|them|one){_END}",
     r"\g<asks> do i \g<do> \g<what>"),
    # Why.
    (r"\bfor (?:what|which) reasons?\b|\bhow come\b|\bwhat(?: is|'s)? the reason (?:why|that)\b", "why"),
    (rf"^(?P<what>{NOUN})[.;,] (?:so |and )?why is (?:it|that|this){_END}", r"why \g<what>"),
    # How much, how many, how long.
    (r"\bwhat number of\b|\bwhat is the number of\b", "how many"),
    (r"\bwhat amount of\b", "how much"),
    (rf"\bhow much (?:does|do) (?P<thing>{NOUN}) cost\b", r"how much cost \g<thing>"),
    (rf"^what (?:does|do) (?P<thing>{NOUN}) cost\b", r"how much cost \g<thing>"),
    (rf"^how much (?P<thing>{NOUN}) costs?{_END}", r"how much cost \g<thing>"),
    (rf"^what (?P<thing>(?:the|a|an|my|your|our) {NOUN}) costs?{_END}", r"how much cost \g<thing>"),
    (r"^what is the (?:price|cost) (?:of|for)\b", "how much cost"),
    (r"^how much (?:is|are)(?= (?:a|an|the)\b)", "how much cost"),
    (rf"\bhow much (?:does|do) (?P<thing>{NOUN}) weigh\b", r"how much weigh \g<thing>"),
    (r"^what is the weight of\b", "how much weigh"),
    (rf"\bwhat is the (?P<measure>{_alternatives(_MEASURES)}) of (?P<thing>{NOUN}){_END}", _measured),
    (rf"\bhow long is (?P<thing>{NOUN} (?:warranty|guarantee)) period{_END}", r"how long is \g<thing>"),
    (r"\bhow high\b", "how tall"),
    (r"\bat (?:what|which) time\b", "what time"),
    # Who.
    (rf"\bwho (?:is|was) the (?P<work>{_alternatives(_WORK_OF)}) of (?P<thing>{NOUN}){_END}", _worked),
    (r"\b(?:which|what) (?:author|writer) wrote\b", "who wrote"),
    # Of and for.
    (rf"\bthe (?P<what>{_PLACE}) in (?P<where>\w+){_END}", r"the \g<where> \g<what>"),
    (rf"\bthe (?P<what>(?:\w+ )?(?:{_OF_A_THING})) of (?P<whose>{_MINE} \w+)(?=\s*(?:[?.!,;]|$)|"
     r" (?:in|on|at|for|to|with|from|by|include|includes|cover|covers)\b)", r"\g<whose> \g<what>"),
    (rf"\bthe (?P<what>(?:\w+ )?(?:{_FOR_A_THING})) (?:of|for) (?P<whose>{_MINE} \w+)(?=\s*(?:[?.!,;]|$))",
     r"\g<whose> \g<what>"),
    # What is done by somebody.
    (rf"^by whom (?:is|are) (?P<what>{NOUN}) (?P<done>\w+){_END}", _turned_round("who {do} {what}")),
    (rf"^who (?:is|are) (?P<what>{NOUN}) (?P<done>\w+) by{_END}", _turned_round("who {do} {what}")),
    (rf"^(?:is|are) (?P<what>{NOUN}) (?P<done>\w+) by (?P<who>{NOUN}){_END}", _turned_round("does {who} {do} {what}")),
    (rf"^(?P<asks>what|which) (?P<what>{NOUN}) (?:is|are) (?P<done>\w+) by (?P<who>{NOUN}){_END}",
     _turned_round("{asks} {what} does {who} {do}")),
    # The rest.
    (rf"^what is the meaning of (?P<what>{NOUN}){_END}", r"what does \g<what> mean"),
    (rf"^(?:is|are) there (?P<what>{NOUN}) (?:in|at) (?P<where>(?:the|your|my|our) {NOUN}){_END}",
     r"does \g<where> have \g<what>"),
    (rf"\b(?P<do>turn|switch|fill|pick|shut) (?P<what>{NOUN}) (?P<way>on|off|up|down|in|out){_END}",
     r"\g<do> \g<way> \g<what>"),
    (rf"^(?:is|are) (?P<part>{NOUN}) (?:included|contained) (?:in|with) (?P<whole>{NOUN}){_END}",
     r"does \g<whole> include \g<part>"),
    (rf"\bwhat do i do(?:{_END}|(?= (?:now|next)\b))", "what should i do"),
    (r"\b(connect(?:ed|s|ing)?) with\b", r"\1 to"),
    (r"\bget in touch with\b", "contact"),
    (r"\bthe following (?=(?:text|sentence|paragraph|passage|review|e?mail|message|question|article)s?\b)", "this "),
    (r"\ba single\b", "one"),
    (r"\bwhat will happen\b", "what happens"),
    (r"\bprior to\b", "before"),
    (r"\b(?:regarding|concerning|with regard to|with respect to)\b", "about"),
)  # fmt: skip
TURNS = tuple((re.compile(turn, re.IGNORECASE), comes_to) for turn, comes_to in _TURNS)

WHOLE = tuple(
    (re.compile(turn, re.IGNORECASE | re.MULTILINE), comes_to)
    for turn, comes_to in (
        (rf"(?:^|(?<=[.!?,] ))i (?:would (?:like|love)|want|need|wish|have) to (?P<what>{NOUN})[.;,]* +(?:(?:so|and) )?"
         rf"(?:how (?:do|can|would|should) i do (?:it|that|this)|how does (?:it|that|this) work){_END}",
         r"how do i \g<what>"),
        (rf"(?:^|(?<=[.!?,] ))what (?:should|do) i do (?:if|when) (?P<what>{NOUN}){_END}[?.]*",
         r"\g<what>. what should i do?"),
    )
)  # fmt: skip
"""Of more than one sentence."""
