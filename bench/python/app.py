"""A skill that answers with its input: what is measured is how it starts."""

import wit_world


class WitWorld(wit_world.WitWorld):
    def run(self, input: bytes) -> bytes:
        return input
