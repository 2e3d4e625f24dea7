"""`specsample train`: a model of the text that comes with Python."""

import argparse

about = "train a model on the text that comes with Python"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add("--preset", choices=("tiny", "draft", "target"), required=True, help="sizes and steps")
    add("--out", required=True, metavar="FOLDER", help="folder of the run")
    add("--teacher", metavar="FILE.npz", help="checkpoint of a target to distil from")
    add("--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)")
    add("--resume", action="store_true", help="go on from the folder's checkpoint")


def run(given: argparse.Namespace) -> None:
    """Train a model on the text that comes with Python."""
    from specsample.training import train

    train.run(given.preset, given.out, seed=given.seed, resume=given.resume, teacher=given.teacher)
