"""What tests/second_run decides about tests that failed, with a small set of tests for ctest.

usage: python3 tests/second_run_test.py
"""
import os
import subprocess
import sys
import tempfile
import unittest

SECOND_RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "second_run")
PASSES = "true"
SKIPPED = "echo no browser; exit 77"
FAILS = "echo 'test.cpp:12: Failure'; echo the reason; exit 1"
FAILS_ONCE = "if [ -e failed ]; then exit 0; fi; touch failed; echo 'test.cpp:12: Failure'; echo the reason; exit 1"


def second_run(tests):
    """Exit code and output of tests/second_run after a run of `tests`: (name, shell command, label)."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "CTestTestfile.cmake"), "w") as out:
            for name, command, label in tests:
                out.write(f'add_test({name} "sh" "-c" [=[{command}]=])\nset_tests_properties({name} PROPERTIES LABELS "{label}" SKIP_RETURN_CODE 77)\n')
        first = subprocess.run(["ctest", "--output-on-failure"], cwd=folder, text=True, capture_output=True)
        with open(os.path.join(folder, "ctest.log"), "w") as out:
            out.write(first.stdout)
        done = subprocess.run([sys.executable, SECOND_RUN, "ctest.log"], cwd=folder, text=True, capture_output=True)
        return done.returncode, done.stdout


class SecondRun(unittest.TestCase):
    def test_a_system_test_that_passes_the_second_time_is_listed_with_its_reason(self):
        code, text = second_run([("Good", PASSES, "system"), ("Once", FAILS_ONCE, "system")])
        self.assertEqual(code, 0, text)
        self.assertIn("-- Once\ntest.cpp:12: Failure\nthe reason\n", text)
        self.assertIn("second run: Once passed", text)
        self.assertNotIn("Good", text)

    def test_skipped_tests_are_no_failures(self):
        code, text = second_run([(f"Skipped{i}", SKIPPED, "system") for i in range(3)] + [("Once", FAILS_ONCE, "system")])
        self.assertEqual(code, 0, text)
        self.assertNotIn("Skipped", text)

    def test_a_system_test_that_fails_twice_fails_the_run(self):
        code, text = second_run([("Bad", FAILS, "system"), ("Once", FAILS_ONCE, "system")])
        self.assertEqual(code, 1, text)
        self.assertIn("second run: Bad failed", text)

    def test_other_tests_get_no_second_run(self):
        code, text = second_run([("Once", FAILS_ONCE, "unit")])
        self.assertEqual(code, 1, text)
        self.assertIn("Once failed, or is no system test", text)

    def test_more_than_three_failures_get_no_second_run(self):
        code, text = second_run([(f"Bad{i}", FAILS, "system") for i in range(4)])
        self.assertEqual(code, 1, text)
        self.assertIn("4 tests failed: no second run", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
