"""Texts as numbers, for arrays to hold.

Node 0 is the prompt itself; node s followed by token x is s V + 1 + x. Shorter texts have smaller numbers.
"""

from typing import Any

import numpy as np


def child(node: Any, x: Any, V: int) -> Any:
    """Number the text that is a text and one token more.

    Parameters
    ----------
    node : int or int array, the text before
    x : int or int array, token ids
    V : int, vocabulary

    Examples
    --------
    >>> child(child(0, 1, V=3), 2, V=3)
    9
    """
    return node * V + 1 + x


def parent(node: Any, V: int) -> Any:
    """Number the text without its last token; the prompt's is the prompt.

    Parameters
    ----------
    node : int array
    V : int, vocabulary

    Examples
    --------
    >>> parent(np.array([9, 0]), V=3)
    array([2, 0])
    """
    return np.maximum(node - 1, 0) // V


def text_of(node: int, V: int) -> list[int]:
    """List the tokens after the prompt that lead to a node.

    Parameters
    ----------
    node : int
    V : int, vocabulary

    Examples
    --------
    >>> text_of(9, V=3)
    [1, 2]
    """
    text: list[int] = []
    while node:
        node, x = divmod(node - 1, V)
        text.append(x)
    return text[::-1]


def n_nodes(V: int, length: int) -> int:
    """Count the texts after which a token of the first `length` ones stands: those shorter than `length`.

    Parameters
    ----------
    V : int, vocabulary
    length : int >= 0, tokens

    Examples
    --------
    >>> n_nodes(3, length=3)  # the prompt, 3 texts of one token, 9 of two
    13
    """
    return sum(V**i for i in range(length))
