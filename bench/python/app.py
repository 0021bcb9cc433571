"""A skill that returns its input, for measurements of its start."""

import wit_world


class WitWorld(wit_world.WitWorld):
    def run(self, input: bytes) -> bytes:
        return input
