"""budget.py complains of what is over its budget, far under it, without one, or not measured."""

import unittest

from budget import judge, merged, read_table, write_table

BUDGET = """# a remark
path   allocations  instructions
send         10.00         20000
tcp           2.00             -
"""


class BudgetTest(unittest.TestCase):
    def judged(self, **figures):
        return judge(read_table(BUDGET), {"send": figures, "tcp": {"allocations": 2.0}}, 1.05)

    def test_what_fits_is_fine(self):
        for count in (10.0, 10.5, 8.1):
            self.assertEqual(self.judged(allocations=count), [])

    def test_what_is_over_is_named(self):
        self.assertEqual(self.judged(allocations=10.6),
                         ["send: allocations 10.60 a message, over its budget of 10.00"])

    def test_what_is_far_under_asks_for_a_lower_budget(self):
        self.assertIn("lower the budget", self.judged(allocations=7.9)[0])

    def test_a_figure_without_a_budget_is_named(self):
        self.assertEqual(self.judged(syncs=1.0), ["send: syncs 1.00 has no budget"])

    def test_a_path_that_was_not_measured_is_named(self):
        problems = judge(read_table(BUDGET), {"tcp": {"allocations": 2.0}}, 1.05)
        self.assertEqual(problems, ["send: is in the budget and was not measured"])

    def test_zero_stays_zero(self):
        budget = {"tcp": {"syncs": 0.0}}
        self.assertEqual(judge(budget, {"tcp": {"syncs": 0.0}}, 1.05), [])
        self.assertEqual(len(judge(budget, {"tcp": {"syncs": 0.5}}, 1.05)), 1)

    def test_what_is_written_is_read_again(self):
        table = merged(read_table(BUDGET), {"send": {"allocations": 9.0}, "tcp": {"allocations": 2.0}})
        self.assertEqual(table["send"], {"allocations": 9.0, "instructions": 20000.0})
        self.assertEqual(read_table(write_table(table)), table)


if __name__ == "__main__":
    unittest.main()
