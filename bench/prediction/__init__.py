"""Rehearsals of a swarm by swarm-sim, and what real runs and rehearsals have in common: phases of rounds, statistics."""
import os


def programs_of(root):
    """The folder of the programs: build/bin of a source tree, else bin of the prefix whose share/starling `root` is."""
    built = os.path.join(root, "build", "bin")
    return built if os.path.isdir(built) else os.path.join(os.path.dirname(os.path.dirname(root)), "bin")
