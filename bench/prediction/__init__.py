"""Rehearsals of a swarm by swarm-sim, and what real runs and rehearsals have in common: phases of rounds, statistics."""
