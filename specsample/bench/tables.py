"""Tables that fit a terminal, however narrow.

What does not fit beside stands below, under its row's name again; nothing is cut.
"""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table


def tables(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, width: int, title: str = "", keys: int = 1
) -> list[Table]:
    """Set rows of texts in one table, or in as many below each other as no text is cut in.

    Parameters
    ----------
    names : sequence of str, heads of the columns
    rows : sequence of rows, a text for each column; what is missing at the end is empty
    width : int, characters of the terminal
    title : str, above the first
    keys : int, columns that say which row it is, and stand in each table

    Returns
    -------
    list of rich Tables
    """
    whole = [[*row, *[""] * (len(names) - len(row))] for row in rows]
    # a column takes two more than its longest text: one beside it, one of the box
    widths = [max(map(cell_len, column)) + 2 for column in zip(names, *whole, strict=True)]
    key = list(range(keys))
    groups: list[list[int]] = [key]
    for i in range(keys, len(names)):
        is_full = sum(widths[j] for j in [*groups[-1], i]) > width
        # a new table, unless this one has nothing but its keys yet
        groups = [*groups, [*key, i]] if is_full and groups[-1] != key else [*groups[:-1], [*groups[-1], i]]
    made = [Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title_justify="left") for _ in groups]
    made[0].title = title
    for table, group in zip(made, groups, strict=True):
        for i in group:
            # numbers stand below each other; a text that is wider than the terminal is broken, not cut
            is_number = all(row[i][:1].isdigit() or row[i] in ("", "nan") for row in whole)
            table.add_column(names[i], justify="right" if is_number else "left", overflow="fold")
        for row in whole:
            table.add_row(*(row[i] for i in group))
    return made
