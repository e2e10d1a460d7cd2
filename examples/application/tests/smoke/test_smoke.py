"""Asks the environment that was just published to; `slipway publish` gives its address and the commit."""

import json
import os
import unittest
from urllib.request import urlopen


class Smoke(unittest.TestCase):
    def ask(self, path):
        with urlopen(os.environ["SLIPWAY_URL"] + path, timeout=5) as answer:
            return json.load(answer)

    def test_the_commit_that_was_published_answers(self):
        self.assertEqual(os.environ["SLIPWAY_COMMIT"], self.ask("/")["commit"])

    def test_it_is_healthy(self):
        self.assertEqual({"status": "healthy"}, self.ask("/health"))


if __name__ == "__main__":
    unittest.main()
