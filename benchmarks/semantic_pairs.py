"""Pairs of questions: one that was answered, and one that comes later. Written by hand.

A paraphrase may be answered alike. A trap may not: the same template with another number, date, name, unit, negation,
direction, or a difference past what the encoder reads.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    kind: str
    one: str
    other: str
    alike: bool = False


_LONG = "The parties agree to the following terms of delivery, warranty, liability and termination. " * 40

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
PAIRS = PARAPHRASES + TRAPS
