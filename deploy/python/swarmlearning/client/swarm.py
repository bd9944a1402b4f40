"""The exception of all callbacks."""


class SwarmError(Exception):
    """The swarm ended before the training did or refused it, or the callback was used wrongly.

    Attributes:
        code: exit code that the program ends with if nobody catches this: 1 the program or its environment, 2 a wrong
            argument, 3 refused by the swarm, 4 the swarm ended early, 5 the SL node was lost.
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
