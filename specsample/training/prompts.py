"""What a chat model is asked, that its draft head may learn.

Three kinds: questions, code, and editing. A question is one of a few forms with a topic in it; what is to be edited
is an earlier answer of the model's own, so no text from elsewhere is needed. Some users get no words at all: the
model makes up the whole question.
"""

from collections.abc import Sequence

import numpy as np


def _phrases(text: str) -> list[str]:
    """Cut a list of phrases at its bars."""
    return text.split("|")


QUESTIONS = (
    "What is {}?",
    "Why does {} matter?",
    "Explain {} to a beginner.",
    "Tell me something surprising about {}.",
    "Give me a list of tips about {}.",
    "How did {} change over time?",
    "Write a short story in which {} plays a part.",
    "Write four lines of verse about {}.",
    "Write a letter to a colleague about {}.",
    "What are the pros and cons of {}?",
    "Answer in one sentence: what is {} good for?",
    "What should I know before I start with {}?",
    "Describe {} step by step.",
    "Which questions do people ask about {}, and what are the answers?",
)
TOPICS = _phrases(
    "tides|glaciers|comets|magnets|lightning|rust|yeast|antibodies|photosynthesis|earthquakes|coral reefs|"
    "rainforests|deserts|migration of birds|spiders|octopuses|wolves|horses|tomatoes|apples|wheat|mushrooms|olive"
    " oil|tea|coffee|chocolate|cheese|bread|soup|spices|vegetarian food|breakfast|sleep|running|swimming|cycling|"
    "chess|football|mountaineering|sailing|first aid|stress|headaches|vaccination|vitamins|allergies|teeth|the"
    " heart|the brain|memory|dreams|languages|handwriting|spelling|poetry|novels|theatre|opera|jazz|the violin|"
    "painting|sculpture|photography|cinema|architecture|bridges|tunnels|railways|aeroplanes|ships|bicycles|"
    "electric cars|batteries|solar panels|wind power|nuclear energy|steam engines|clocks|compasses|maps|printing|"
    "libraries|museums|newspapers|radio|television|telephones|the internet|email|search engines|encryption|"
    "passwords|computer viruses|operating systems|databases|spreadsheets|programming|machine learning|robots|"
    "satellites|telescopes|Mars|the Moon|Saturn|black holes|galaxies|gravity|atoms|crystals|glass|steel|gold|"
    "salt|water|oxygen|plastic|paper|cotton|prime numbers|fractions|percentages|averages|triangles|probability|"
    "infinity|logic|money|inflation|taxes|insurance|savings|shares|rent|contracts|elections|parliaments|courts|"
    "human rights|the Roman Empire|ancient Egypt|ancient Greece|the Middle Ages|the Renaissance|the French"
    " Revolution|the Industrial Revolution|the Silk Road|Japan|India|Brazil|Kenya|Norway|Spain|Canada|Australia|"
    "Paris|Rome|London|Istanbul|Shakespeare|Beethoven|Galileo|Newton|Darwin|Marie Curie|Einstein|Florence"
    " Nightingale|Confucius|Aristotle|friendship|parenting|teaching|homework|job interviews|meetings|negotiation|"
    "leadership|volunteering|travelling alone|moving house|gardening|recycling|pets|weddings|holidays"
)
CODE = (
    "Write a Python function that {}.",
    "Write a Python function that {}, with a docstring.",
    "Write Python code that {} and show how to call it.",
    "How can I write a program in Python that {}?",
    "Write a JavaScript function that {}.",
    "Write a Python class that {}.",
    "Explain how one {} in code, with an example.",
    "Write a unit test for a Python function that {}.",
)
TASKS = _phrases(
    "adds two numbers|sums a list|finds the smallest element of a list|sorts a list of names|reverses a string|"
    "counts words in a sentence|finds the most common letter|removes spaces from a text|checks for palindromes|"
    "computes factorials|lists prime numbers|computes Fibonacci numbers|converts miles to kilometres|converts"
    " temperatures|computes an average|computes the median|rounds numbers to two digits|solves a quadratic"
    " equation|finds common divisors|multiplies matrices|transposes a matrix|flattens nested lists|merges"
    " dictionaries|groups items by a key|filters odd numbers|removes duplicates|rotates a list|splits a list into"
    " parts|searches a sorted list|implements a stack|implements a queue|implements a linked list|walks a binary"
    " tree|reads a text file|writes a CSV file|parses JSON|downloads a page|validates an email address|generates"
    " passwords|rolls dice|plays rock, paper, scissors|guesses a number|draws a triangle of stars|prints a"
    " calendar|measures the time of a call|retries a failing call|logs messages|caches results|formats dates|"
    "computes someone's age|checks leap years|counts down from ten|encrypts text with a Caesar cipher|encodes"
    " Morse code|compares two strings|checks anagrams|finds the longest line of a file|manages a shopping list|"
    "models a bank account|models a car|keeps a phone book|counts votes|computes interest"
)
EDITING = (
    "Summarize this text:\n\n{}",
    "Summarize this in one sentence:\n\n{}",
    "Rewrite this text more formally:\n\n{}",
    "Rewrite this text in simple words:\n\n{}",
    "Correct the mistakes in this text:\n\n{}",
    "Make this text shorter:\n\n{}",
    "Repeat this text, but write it in the past tense:\n\n{}",
    "Repeat this text word for word:\n\n{}",
    "List the main points of this text:\n\n{}",
    "Give this text a title and repeat it:\n\n{}",
    "Improve this and explain what you changed:\n\n{}",
)
SHARES = (0.35, 0.3, 0.25)  # of questions, code and editing; the rest begin with no words


def opening(rng: np.random.Generator, answers: Sequence[str]) -> str:
    """Draw a first message, "" where the model shall make up its own; answers may be edited."""
    kind = int(np.searchsorted(np.cumsum(SHARES), rng.random()))
    forms, words = ((QUESTIONS, TOPICS), (CODE, TASKS), (EDITING, answers), ((), ()))[kind]
    return str(rng.choice(forms)).format(rng.choice(words)) if len(words) else ""


LIBRARY = (
    "The town library opens at nine in the morning and closes at six in the evening. On Wednesdays a volunteer "
    "reads stories to children, and on Saturdays the room upstairs is used by a chess club. Last year the "
    "library lent forty thousand books, most of them novels, and its new reading garden was paid for by the "
    "visitors themselves."
)
BAKERY = (
    "Me and my sister has opened a small bakery last spring. We was baking bread every mornings at four, and the "
    "peoples who comes early is often waiting before the door. The oven are old but it work well. Next year we "
    "hopes to buy a second one and to sell cakes too."
)
HELD_OUT = {  # kept apart: no head learns from the answers to these
    "questions": (
        "What is the capital of Portugal, and what is it known for?",
        "Why is the sky blue?",
        "How do I boil an egg so that the yolk stays soft?",
        "What is the difference between a crocodile and an alligator?",
        "Who was Nikola Tesla?",
        "Give me five ideas for a rainy afternoon with two children.",
        "How does a refrigerator keep food cold?",
        "Write a short poem about an old lighthouse.",
    ),
    "code": (
        "Write a Python function that returns the n largest numbers of a list.",
        "Write a Python function that counts how often each letter occurs in a text, with a docstring.",
        "Write a Python class for a rectangle with methods for its area and perimeter.",
        "Write a Python function that converts Roman numerals to integers.",
        "Write a JavaScript function that capitalizes every word of a sentence.",
        "Write a Python script that renames all files of a folder to lower case.",
        "Write a Python function that checks whether a year is in the 20th century, and test it.",
        "How do I read a CSV file in Python and print the mean of every column?",
    ),
    "editing": (
        f"Summarize this paragraph in two sentences.\n\n{LIBRARY}",
        f"Correct all mistakes in this text and repeat it.\n\n{BAKERY}",
        f"Rewrite this paragraph in a more formal style.\n\n{LIBRARY}",
        f"Copy this text, but write 'town hall' where it says 'library'.\n\n{LIBRARY}",
        f"Turn this text into a list of bullet points.\n\n{BAKERY}",
        f"Rewrite this text so that a child of eight understands it.\n\n{LIBRARY}",
        f"Repeat the following text without its last sentence.\n\n{BAKERY}",
        f"Make this paragraph half as long.\n\n{LIBRARY}",
    ),
}
