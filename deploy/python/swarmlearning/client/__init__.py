"""Names that scripts import from here: ``swarmlearning.client.swarm.SwarmError``."""
