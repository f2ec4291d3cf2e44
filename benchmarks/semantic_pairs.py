"""Pairs of questions: one that was answered, and one that comes later. Written by hand.

A paraphrase may be answered alike. A trap may not: the same template with another number, date, name, unit, negation,
direction, or a difference past what the encoder reads. The first ones were there before the guards were made, the second
ones were looked at while they were made, and the fresh ones were written once they stood. These showed one mistake (the
word `am` was taken for an hour of the day), and putting it right changed none of their figures. Later guards were made
with all of these in view; `semantic_small` has the traps that led to them, and `semantic_blind` pairs they were not made
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from semantic_blind import BLIND_PARAPHRASES, BLIND_TRAPS
from semantic_small import LATE_TRAPS, SMALL_TRAPS


@dataclass(frozen=True)
class Pair:
    kind: str
    one: str
    other: str
    alike: bool = False
    written: str = "first"

    @property
    def doubt(self) -> str:
        """Why a second look would not answer the two alike."""
        return DOUBTS.get(self.other, "") if self.alike else ""


DOUBTS = {
    "Do I have to pay for parking?": "a yes to the one is a no to the other",
    "I forgot my password. How can I choose a new one?": "an answer to the one may ask for the old password",
    "What's the best way to reach customer support?": "a list of ways does not say which is the best",
    "What steps are needed to have my account deleted?": "it may be somebody else who deletes it",
}
"""Paraphrases that were written as such, and are counted as such."""
_LONG = "The parties agree to the following terms of delivery, warranty, liability and termination. " * 40

# Lines as long as a pair.
# ruff: noqa: E501
PARAPHRASES = tuple(
    Pair("paraphrase", one, other, alike=True)
    for one, other in (
        ("How do I reset my password?", "I forgot my password. How can I choose a new one?"),
        ("How long does delivery to the islands take?", "What is the delivery time for orders to the islands?"),
        ("What are your opening hours?", "Please tell me your opening hours"),
        ("Which payment methods do you accept?", "What payment methods are accepted?"),
        ("How can I change the delivery address of my order?", "Is it possible to have my order delivered to a different address, and how would I change it?"),
        ("Where can I find the invoice for my order?", "I need the invoice of my order, where do I find it?"),
        ("Does the warranty cover water damage?", "Is water damage covered by the warranty?"),
        ("How do I connect the printer to my wifi?", "What do I have to do so that the printer is connected with wifi?"),
        ("Can I return shoes that I have worn outside?", "Are shoes that were worn outside returnable?"),
        ("What is the maximum luggage weight, 23 kg?", "Is 23 kg the maximum weight for luggage?"),
        ("How do I delete my account?", "What steps are needed to have my account deleted?"),
        ("Why is my internet connection so slow?", "My internet connection is slow, why is that?"),
        ("Do you ship to Norway?", "Is shipping to Norway possible?"),
        ("Who is the author of \"Dune\"?", "Which author wrote the novel \"Dune\"?"),
    )
)  # fmt: skip
TRAPS = tuple(
    Pair(kind, one, other)
    for kind, one, other in (
        ("number", "Is invoice 48213 paid?", "Is invoice 48231 paid?"),
        ("number", "What does the 12 month plan cost?", "What does the 24 month plan cost?"),
        ("number", "May I take two tablets at once?", "May I take three tablets at once?"),
        ("number", "What is the status of order A-1021?", "What is the status of order A-1012?"),
        ("number", "Convert 1,500 euros to dollars", "Convert 15,000 euros to dollars"),
        ("date", "Are you open on Monday?", "Are you open on Sunday?"),
        ("date", "What is the fare on 3 May 2026?", "What is the fare on 5 May 2026?"),
        ("date", "What happened to the index in March?", "What happened to the index in April?"),
        ("date", "Does the shop open at 9 am?", "Does the shop open at 9 pm?"),
        ("date", "Who won the match yesterday?", "Who wins the match tomorrow?"),
        ("name", "What is the capital of Australia?", "What is the capital of Austria?"),
        ("name", "what is the weather in paris", "what is the weather in london"),
        ("name", "Does Anna have access to the ledger?", "Does Hanna have access to the ledger?"),
        ("name", "Who sued whom: Acme sued Birch?", "Who sued whom: Birch sued Acme?"),
        ("name", "book a table for alice in rome", "book a table for bob in milan"),
        ("name", "Translate \"good night\" into Spanish", "Translate \"good evening\" into Spanish"),
        ("name", "Is the bakery on Oak Street open?", "Is the bakery on Elm Street open?"),
        ("unit", "Is a dose of 5 mg safe for a child?", "Is a dose of 5 mcg safe for a child?"),
        ("unit", "How many miles are 10 kilometres?", "How many kilometres are 10 miles?"),
        ("unit", "What does a plan with 5 GB cost?", "What does a plan with 5 TB cost?"),
        ("unit", "What is 30 degrees celsius as a feeling?", "What is 30 degrees fahrenheit as a feeling?"),
        ("negation", "Is this mushroom safe to eat?", "Is this mushroom not safe to eat?"),
        ("negation", "How do I turn on dark mode?", "How do I turn off dark mode?"),
        ("negation", "Which countries require a visa?", "Which countries don't require a visa?"),
        ("negation", "Show the flights with a stopover", "Show the flights without a stopover"),
        ("negation", "How do I enable notifications?", "How do I disable notifications?"),
        ("negation", "Which of the drinks are always cold?", "Which of the drinks are never cold?"),
        ("direction", "How do I transfer money from savings to checking?", "How do I transfer money from checking to savings?"),
        ("direction", "What happens if a dog bites a cat?", "What happens if a cat bites a dog?"),
        ("direction", "What should I do before the operation?", "What should I do after the operation?"),
        ("direction", "What is the highest mountain there?", "What is the lowest mountain there?"),
        ("direction", "Do prices increase in winter?", "Do prices decrease in winter?"),
        ("words", "Can I feed my dog grapes?", "Can I feed my dog carrots?"),
        ("words", "How do I cook rice in the oven?", "How do I cook rice in the microwave?"),
        ("words", "Is the hotel with a pool available?", "Is the hotel available?"),
        ("window", f"{_LONG}The penalty is 48,000 EUR.", f"{_LONG}The penalty is 84,000 EUR."),
        ("window", f"{_LONG}Who pays for the return?", f"{_LONG}Who pays for the repair?"),
        ("window", f"{_LONG}The contract may be assigned.", f"{_LONG}The contract may not be assigned."),
    )
)  # fmt: skip
SECOND_PARAPHRASES = (
    ("How do I cancel my subscription?", "What do I have to do to cancel my subscription?"),
    ("Can I pay by credit card?", "Is it possible to pay by credit card?"),
    ("Where is the nearest store?", "Could you tell me where the nearest store is?"),
    ("How much does the basic plan cost?", "I would like to know how much the basic plan costs."),
    ("Are dogs allowed in the hotel?", "Do you allow dogs in the hotel?"),
    ("When does the museum open?", "Please tell me when the museum opens"),
    ("How can I contact customer support?", "What's the best way to reach customer support?"),
    ("Is breakfast included in the price?", "Does the price include breakfast?"),
    ("Can you send the invoice to a different address?", "Can the invoice be sent to a different address?"),
    ("What is your refund policy?", "Tell me about your refund policy."),
    ("How do I change my email address?", "How would I go about changing my email address?"),
    ("Do you offer student discounts?", "Are student discounts offered?"),
    ("What documents do I need for a visa?", "Which documents are required for a visa?"),
    ("How long is the warranty?", "What is the length of the warranty period?"),
    ("Which airlines fly to Lisbon?", "What airlines fly to Lisbon?"),
    ("How do I export my data?", "I want to export my data. How do I do that?"),
)  # fmt: skip
SECOND_TRAPS = (
    ("What is a hash?", "What is the hash?"),
    ("Is the plan late?", "Is the plane late?"),
    ("What is 5 + 3?", "What is 5 - 3?"),
    ("What is -5 in fahrenheit?", "What is 5 in fahrenheit?"),
    ("Will it be −5 degrees?", "Will it be 5 degrees?"),
    ("Show the mails sent by Anna", "Show the mails sent to Anna"),
    ("Is Anna Bob's doctor?", "Is Anna's doctor Bob?"),
    ("Has the customer paid?", "Is the customer paid?"),
    ("Which stores closed?", "Which stores close?"),
    ("Does it fit flat 12a?", "Does it fit flat 12?"),
    ("What does the basic plan include?", "Which features are in the premium plan?"),
    ("When does the shop open?", "Where does the shop open?"),
    ("Must I declare cash?", "May I declare cash?"),
    ("Will you be closed in two weeks?", "Will you be closed for two weeks?"),
    ("Do I need a passport and a visa?", "Do I need a passport or a visa?"),
    ("Are users invited?", "Do users invite?"),
    ("Can I see his report?", "Can I see her report?"),
    ("Is 2.1 supported?", "Is 2.10 supported?"),
    ("Show us sales", "Show US sales"),
    ("Ist die Rechnung bezahlt?", "Ist die Rechnung nicht bezahlt?"),
    ("I feel 😀 today", "I feel 😢 today"),
    ("Can I bring my cat?", "Can I bring my dog?"),
    ("How do I delete my account?", "How do I restore my account?"),
    ("Why was I charged?", "When was I charged?"),
    ("Do I have to pay?", "Do I get to pay?"),
    ("How many guests can I bring?", "How many guests must I bring?"),
    ("Do you charge me?", "Do I charge you?"),
    ("Can I call you?", "Can you call me?"),
    ("Do you owe me money?", "Do I owe you money?"),
    ("Is my refund bigger than your fee?", "Is your fee bigger than my refund?"),
    ("How do I get to Oslo?", "How do I get from Oslo?"),
    ("Can a child fly with an adult?", "Can an adult fly with a child?"),
    ("Is x > y?", "Is x < y?"),
    ("What comes with tea?", "What comes without tea?"),
    ("List a and b", "List b"),
    ("Turn it on", "Turn it off"),
    ("How do I log in?", "How do I log out?"),
    ("Should I take it with food?", "Should I take it without food?"),
    ("Who invited you?", "Who did you invite?"),
    ("Can I be seen?", "Can I see?"),
    ("What do I have to eat?", "What do I have to eat with?"),
    ("is it about you", "is it about me"),
    ("Whom did I pay?", "Who paid me?"),
    ("Is it for you or me?", "Is it me or you?"),
    ("Did I win?", "Did you win?"),
    ("What does C cost?", "What does C++ cost?"),
    ("What does C cost?", "What does C# cost?"),
    ("Use a.b", "Use a-b"),
    ("Is he there?", "Is it there?"),
    ("Where are you from?", "Where am I from?"),
    ("Is 1/2 more?", "Is 1 2 more?"),
    ("What is the capital of georgia", "What is the capital of Georgia"),
    ("Where do I send it?", "Where did I send it?"),
    ("Are you hired?", "Have you hired?"),
    ("What has changed?", "What is changed?"),
    ("Can I have it?", "Can I be it?"),
)  # fmt: skip
FRESH_PARAPHRASES = (
    ("Do you deliver on Sundays?", "Is it possible to get deliveries on Sundays?"),
    ("Which browsers are supported?", "What browsers do you support?"),
    ("How do I update my payment details?", "I'd like to know how to update my payment details."),
    ("Can I bring my own food?", "Am I allowed to bring my own food?"),
    ("What time does the pool close?", "At what time does the pool close?"),
    ("Where do I collect my badge?", "Please tell me where I can collect my badge."),
    ("How many seats does the van have?", "What number of seats does the van have?"),
    ("Do children need a ticket?", "Is a ticket needed for children?"),
    ("Who signs the contract?", "By whom is the contract signed?"),
    ("Are gift cards refundable?", "Can gift cards be refunded?"),
    ("What's the address of the Madrid office?", "What is the address of the office in Madrid?"),
    ("How do I mute notifications?", "What steps are required to mute notifications?"),
    ("Is parking free?", "Do I have to pay for parking?"),
    ("Do you repair bicycles?", "Are bicycles repaired?"),
)  # fmt: skip
FRESH_TRAPS = (
    ("Do you deliver on Sundays?", "Do you deliver on Saturdays?"),
    ("Which browsers are supported?", "Which browsers are not supported yet?"),
    ("How many seats does the van have?", "How many doors does the van have?"),
    ("Who signs the contract?", "Who breaks the contract?"),
    ("Is the gold card free?", "Is the silver card free?"),
    ("What is the fee for transfers under 500 EUR?", "What is the fee for transfers over 500 EUR?"),
    ("How long is the flight from Rome to Oslo?", "How long is the flight from Oslo to Rome?"),
    ("Can I take it before eating?", "Can I take it after eating?"),
    ("Which room did Maria book?", "Which room did Mario book?"),
    ("What was our revenue in Q3?", "What was our revenue in Q2?"),
    ("Is version 3.1 affected by the bug?", "Is version 3.11 affected by the bug?"),
    ("Does the policy cover theft?", "Does the policy exclude theft?"),
    ("Can minors attend with a parent?", "Can minors attend without a parent?"),
    ("Who reports to Dana?", "Who does Dana report to?"),
    ("What is the largest lake in Africa?", "What is the largest lake in Asia?"),
    ("How do I add a user to a group?", "How do I remove a user from a group?"),
    ("Should the valve be open?", "Should the valve be closed?"),
    ("Is a 30 minute delay refunded?", "Is a 30 hour delay refunded?"),
    ("Do I need to print my ticket?", "Do I need to print your ticket?"),
    ("Is smoking allowed outside?", "Is smoking allowed inside?"),
    ("Can the tenant evict the landlord?", "Can the landlord evict the tenant?"),
    ("Which files were deleted?", "Which files are deleted?"),
    ("What happens when I accept the offer?", "What happens when I reject the offer?"),
    ("Is the meeting at 10:30?", "Is the meeting at 13:30?"),
    ("Are all seats taken?", "Are any seats taken?"),
    ("Only members may vote, right?", "Members may only vote, right?"),
    ("What does error E1001 mean?", "What does error E1010 mean?"),
    ("Does aspirin interact with ibuprofen?", "Does paracetamol interact with ibuprofen?"),
    ("Translate 'bank' as in money", "Translate 'bank' as in river"),
    ("How do I encrypt a drive?", "How do I decrypt a drive?"),
    ("Is 5 < 3?", "Is 3 < 5?"),
    ("Wann öffnet die Kasse?", "Wann schließt die Kasse?"),
    ("¿Está abierto el lunes?", "¿Está cerrado el lunes?"),
    ("Can my wife drive the car?", "Can my husband drive the car?"),
    ("Is the lease monthly?", "Is the lease yearly?"),
    ("Did they invite us?", "Did we invite them?"),
)  # fmt: skip


def _pairs(written: str, paraphrases: Iterable[tuple[str, str]], traps: Iterable[tuple[str, ...]]) -> Iterator[Pair]:
    yield from (Pair("paraphrase", one, other, alike=True, written=written) for one, other in paraphrases)
    for *kind, one, other in traps:
        yield Pair(kind[0] if kind else "trap", one, other, written=written)


PAIRS = (
    *PARAPHRASES,
    *TRAPS,
    *_pairs("second", SECOND_PARAPHRASES, SECOND_TRAPS),
    *_pairs("fresh", FRESH_PARAPHRASES, FRESH_TRAPS),
    *_pairs("small", (), SMALL_TRAPS),
    *_pairs("late", (), LATE_TRAPS),
    *_pairs("blind", BLIND_PARAPHRASES, BLIND_TRAPS),
)
WRITTEN = tuple(dict.fromkeys(pair.written for pair in PAIRS))
ALSO_ALIKE = (
    ("How can I change the delivery address of my order?", "How do I change the delivery address of my order?"),
    ("Do you know if it rains?", "Does it rain?"),
    ('Translate "good night" into Spanish', "Please translate 'good night' into Spanish."),
)
"""Questions of two pairs that ask for the same."""


def _twins() -> dict[str, set[str]]:
    """By each question, all that may be answered alike, and itself."""
    found = {question: {question} for pair in PAIRS for question in (pair.one, pair.other)}
    for one, other in [*((pair.one, pair.other) for pair in PAIRS if pair.alike), *ALSO_ALIKE]:
        together = found[one] | found[other]
        found |= dict.fromkeys(together, together)
    return found


TWINS = _twins()
