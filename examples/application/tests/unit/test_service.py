import sys
import unittest
from http import HTTPStatus
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import service


class Answers(unittest.TestCase):
    def test_root_says_which_version_and_commit_answers_and_where(self):
        expected = {"version": service.VERSION, "commit": "abc", "environment": "staging"}
        actual = service.answer("/", {"COMMIT": "abc", "ENVIRONMENT": "staging"})
        self.assertEqual((HTTPStatus.OK, expected), actual)

    def test_health_path_is_healthy(self):
        self.assertEqual((HTTPStatus.OK, {"status": "healthy"}), service.answer("/health", {}))

    def test_other_paths_are_not_found(self):
        expected = (HTTPStatus.NOT_FOUND, {"error": "there is nothing at /nowhere"})
        self.assertEqual(expected, service.answer("/nowhere", {}))


if __name__ == "__main__":
    unittest.main()
