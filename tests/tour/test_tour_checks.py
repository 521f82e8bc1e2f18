#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The checks of tools/tour can fail: right outputs pass, tampered ones do not."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "tour")


def load_tour():
    loader = importlib.machinery.SourceFileLoader("tour", TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tour", loader))
    loader.exec_module(module)
    return module


tour = load_tour()


def lines_of(text):
    return [line.strip() for line in text.strip().splitlines()]


BASIC = lines_of("""
    Received: Hello
    Received: from
    Received: the
    Received: spawned
    Received: thread
    All messages received""")

PRODUCERS = [f"Thread {t} says: Message {i}" for i in range(3) for t in range(3)]

NON_BLOCKING = ["No message yet, doing other work..."] * 5 + ["Received: Hello after delay"]

BOUNDED = lines_of("""
    Sending 0 at 0ms
    Sent 0 at 0ms
    Sending 1 at 0ms
    Sent 1 at 0ms
    Sending 2 at 0ms
    Received 0 at 300ms
    Sent 2 at 300ms
    Sending 3 at 300ms
    Received 1 at 600ms
    Sent 3 at 600ms
    Sending 4 at 600ms
    Sent 4 at 901ms
    Received 2 at 901ms
    Received 3 at 1201ms
    Received 4 at 1501ms""")

ERRORS = lines_of("""
    Worker 1 started
    Worker 1 processing: Task 1
    Worker 1 completed: Task 1
    Worker 1 processing: Task 2
    Worker 1 completed: Task 2
    Worker 1 processing: Task 3
    Worker 1 completed: Task 3
    Worker 1 shutting down
    Failed to send late task: sending on a closed channel""")

UNBOUNDED = [f"Received: Message {i}-{j}" for j in range(3) for i in (2, 0, 1)]

SELECT = lines_of("""
    From channel 1: Source 1: 0
    From channel 2: Source 2: 0
    From channel 1: Source 1: 1
    From channel 2: Source 2: 1
    From channel 1: Source 1: 2
    From channel 2: Source 2: 2""")

BANK = lines_of("""
    Bank actor started
    Deposited 1000 to Alice. New balance: 1000
    Deposited 500 to Bob. New balance: 500
    Withdrew 200 from Alice. New balance: 800
    Insufficient funds in Bob. Balance: 500
    Balance inquiry for Alice: 800
    Alice balance: 800
    Balance inquiry for Bob: 500
    Bob balance: 500
    Bank actor shutting down""")

PERFORMANCE = lines_of("""
    Unbounded channel: 1000000 messages in 41.3ms, 41.3 ns per message
    Bounded channel: 1000000 messages in 30.0ms, 30.0 ns per message
    Unbounded spsc channel: 1000000 messages in 4.1ms, 4.1 ns per message
    Bounded spsc channel: 1000000 messages in 6.2ms, 6.2 ns per message
    Unbounded general channel: 1000000 messages in 50.9ms, 50.9 ns per message
    Bounded general channel: 1000000 messages in 61.0ms, 61.0 ns per message""")

PRACTICES = lines_of("""
    Hand-off: sending on a full channel
    Hand-off: took the parcel
    Limit: timed out waiting on receive operation
    Limit: received 42
    Limit: receiving on a closed channel
    Shutdown: first job
    Shutdown: last job
    Shutdown: the worker leaves
    Batch of 4, up to 3
    Batch of 4, up to 7
    Batch of 2, up to 9
    Consumers: 100 squares, sum 338350
    Stop: received 1
    Stop: received 2
    Stop: received 3
    Stop: receive was cancelled""")

COROUTINES = lines_of("""
    Three producers, one place: the sum is 45150
    Hello, coroutine
    The token passed through 100000 coroutines
    First comes: message 7
    Then comes: timeout
    Joined: one worker failed, 3 were stopped""")

# What each program prints on a good day, and a duration that fits it.
GOOD = {
    "01_basic": (BASIC, 0.52),
    "02_multiple_producers": (PRODUCERS, 0.31),
    "03_non_blocking": (NON_BLOCKING, 0.51),
    "04_bounded": (BOUNDED, 1.51),
    "05_errors_and_disconnection": (ERRORS, 0.41),
    "06_unbounded": (UNBOUNDED, 0.16),
    "07_select": (SELECT, 0.46),
    "08_bank_actor": (BANK, 0.01),
    "09_performance": (PERFORMANCE, 0.3),
    "10_best_practices": (PRACTICES, 0.03),
    "11_coroutines": (COROUTINES, 0.3),
}

CHECK = {program.name: program.check for program in tour.PROGRAMS}


def replaced(lines, old, new):
    assert old in lines, old
    return [new if line == old else line for line in lines]


def swapped(lines, a, b):
    return [b if line == a else a if line == b else line for line in lines]


class Outputs(unittest.TestCase):
    def holds(self, name, lines, seconds=None):
        CHECK[name](lines, GOOD[name][1] if seconds is None else seconds)

    def fails(self, name, lines, seconds=None, kind=None):
        with self.assertRaises(tour.Wrong) as caught:
            CHECK[name](lines, GOOD[name][1] if seconds is None else seconds)
        if kind is not None:
            self.assertIs(type(caught.exception), kind)

    def test_there_is_a_good_output_for_every_program(self):
        self.assertEqual(list(GOOD), [program.name for program in tour.PROGRAMS])

    def test_good_outputs_hold(self):
        for name, (lines, _) in GOOD.items():
            with self.subTest(name):
                self.holds(name, lines)

    def test_ten_times_slower_holds_too(self):
        for name, (lines, seconds) in GOOD.items():
            with self.subTest(name):
                self.holds(name, lines, seconds * 10)

    def test_nothing_printed(self):
        for name in GOOD:
            with self.subTest(name):
                self.fails(name, [])

    def test_any_line_lost(self):
        for name, (lines, _) in GOOD.items():
            for i, line in enumerate(lines):
                if line.startswith("No message yet"):
                    continue  # how many there are is a matter of time
                with self.subTest(name, lost=line):
                    self.fails(name, lines[:i] + lines[i + 1:])

    def test_any_line_twice(self):
        for name, (lines, _) in GOOD.items():
            for i, line in enumerate(lines):
                if line.startswith("No message yet"):
                    continue
                with self.subTest(name, twice=line):
                    self.fails(name, lines[:i + 1] + lines[i:])

    def test_any_line_garbled(self):
        for name, (lines, _) in GOOD.items():
            for i, line in enumerate(lines):
                with self.subTest(name, garbled=line):
                    self.fails(name, lines[:i] + [line + lines[0]] + lines[i + 1:])

    def test_backwards(self):
        for name, (lines, _) in GOOD.items():
            with self.subTest(name):
                self.fails(name, lines[::-1])

    def test_earlier_than_its_sleeps(self):
        for name in GOOD:
            if name in ("08_bank_actor", "09_performance"):
                continue  # these do not sleep
            with self.subTest(name):
                self.fails(name, GOOD[name][0], seconds=0.01, kind=tour.Wrong)

    def test_every_pair_of_neighbours_where_the_order_is_determined(self):
        for name in ("01_basic", "05_errors_and_disconnection", "08_bank_actor",
                     "09_performance", "10_best_practices", "11_coroutines"):
            lines = GOOD[name][0]
            for i in range(len(lines) - 1):
                with self.subTest(name, swapped=i):
                    self.fails(name, lines[:i] + [lines[i + 1], lines[i]] + lines[i + 2:])

    def test_producers_mix_in_any_way(self):
        for name in ("02_multiple_producers", "06_unbounded"):
            self.holds(name, sorted(GOOD[name][0]))
            self.fails(name, swapped(GOOD[name][0], *sorted(GOOD[name][0])[:2]))

    def test_message_of_one_producer_instead_of_another(self):
        self.fails("02_multiple_producers", replaced(
            PRODUCERS, "Thread 1 says: Message 1", "Thread 2 says: Message 1"))

    def test_non_blocking(self):
        waiting, received = NON_BLOCKING[:1], NON_BLOCKING[-1:]
        for times in (1, 4, 6, 12):
            self.holds("03_non_blocking", waiting * times + received)
        self.fails("03_non_blocking", received, kind=tour.Late)  # the try has waited
        self.fails("03_non_blocking", waiting * 100 + received, kind=tour.Late)
        self.fails("03_non_blocking", waiting * 5 + ["Sender disconnected"], kind=tour.Wrong)
        self.fails("03_non_blocking", received + waiting)

    def test_bounded_on_a_slow_machine(self):
        slow = [re.sub(r"(\d+)ms", lambda at: f"{int(at[1]) * 3}ms", line) for line in BOUNDED]
        self.holds("04_bounded", slow, seconds=4.6)

    def test_bounded_with_a_third_message_in_the_buffer(self):
        # The printout that Rust itself does not give.
        tampered = replaced(BOUNDED, "Sent 2 at 300ms", "Sent 2 at 3ms")
        tampered = replaced(tampered, "Sending 3 at 300ms", "Sending 3 at 3ms")
        self.fails("04_bounded", tampered, kind=tour.Wrong)

    def test_bounded_each_send_before_its_room(self):
        for i, at in ((2, 300), (3, 600), (4, 901)):
            tampered = replaced(BOUNDED, f"Sent {i} at {at}ms", f"Sent {i} at {300 * (i - 1) - 1}ms")
            self.fails("04_bounded", tampered, kind=tour.Wrong)

    def test_bounded_with_room_for_one_only(self):
        # Each send is let through by one receive later, in the same millisecond.
        tampered = replaced(BOUNDED, "Sent 1 at 0ms", "Sent 1 at 300ms")
        tampered = replaced(tampered, "Sending 2 at 0ms", "Sending 2 at 300ms")
        tampered = replaced(tampered, "Sent 2 at 300ms", "Sent 2 at 600ms")
        tampered = replaced(tampered, "Sending 3 at 300ms", "Sending 3 at 600ms")
        tampered = replaced(tampered, "Sent 3 at 600ms", "Sent 3 at 901ms")
        tampered = replaced(tampered, "Sending 4 at 600ms", "Sending 4 at 901ms")
        tampered = replaced(tampered, "Sent 4 at 901ms", "Sent 4 at 1201ms")
        self.fails("04_bounded", tampered, kind=tour.Late)

    def test_bounded_received_too_early_or_back_in_time(self):
        self.fails("04_bounded", replaced(BOUNDED, "Received 0 at 300ms", "Received 0 at 299ms"),
                   kind=tour.Wrong)
        self.fails("04_bounded", replaced(BOUNDED, "Sending 1 at 0ms", "Sending 1 at 400ms"),
                   kind=tour.Wrong)

    def test_bounded_order_of_a_thread(self):
        self.fails("04_bounded", swapped(BOUNDED, "Received 2 at 901ms", "Received 3 at 1201ms"))
        self.fails("04_bounded", swapped(BOUNDED, "Sending 3 at 300ms", "Sent 3 at 600ms"))

    def test_errors_text(self):
        last = ERRORS[-1]
        for other in ("Failed to send late task: sending on a full channel", "Sent late task"):
            self.fails("05_errors_and_disconnection", replaced(ERRORS, last, other))
        self.fails("05_errors_and_disconnection", replaced(
            ERRORS, "Worker 1 shutting down", "Worker 1 detected sender disconnection"))

    def test_select(self):
        # Both send at 300 ms: either may come first.
        self.holds("07_select", SELECT[:3] + [SELECT[4], SELECT[3]] + SELECT[5:])
        # One channel after the other is no select.
        self.fails("07_select", sorted(SELECT), kind=tour.Late)
        self.fails("07_select", sorted(SELECT)[3:] + sorted(SELECT)[:3], kind=tour.Late)
        self.fails("07_select", SELECT + ["Channel 1 closed"])

    def test_bank_as_rust_does_not_print_it(self):
        self.fails("08_bank_actor",
                   swapped(BANK, "Alice balance: 800", "Balance inquiry for Bob: 500"))

    def test_bank_overdrawn(self):
        self.fails("08_bank_actor", replaced(BANK, "Bob balance: 500", "Bob balance: -100"))

    def test_performance(self):
        self.fails("09_performance", [line.replace("1000000", "999999") for line in PERFORMANCE])
        self.fails("09_performance", [line.replace("41.3 ns", "4.1 ns") for line in PERFORMANCE])
        self.fails("09_performance", PERFORMANCE, seconds=0.1)  # shorter than what it claims

    def test_best_practices_sum(self):
        self.fails("10_best_practices", [line.replace("338350", "338349") for line in PRACTICES])

    def test_coroutines(self):
        for right, wrong in (("45150", "45149"), ("100000", "99999"), ("3 were", "2 were"), ("message 7", "timeout")):
            self.fails("11_coroutines", [line.replace(right, wrong) for line in COROUTINES])


class Runs(unittest.TestCase):
    """Exit status and text for programs that misbehave as programs."""

    def verdict(self, script, check=lambda lines, seconds: None, limit=10):
        with tempfile.TemporaryDirectory() as bindir:
            if script is not None:
                path = os.path.join(bindir, "program")
                with open(path, "w", encoding="utf-8") as file:
                    file.write("#!/bin/sh\n" + script)
                os.chmod(path, 0o755)
            with contextlib.redirect_stdout(io.StringIO()):
                return tour.verdict(tour.Program("program", "", check), bindir, limit)

    def test_good(self):
        self.assertIsNone(self.verdict("echo hello"))

    def test_gets_the_lines_and_the_seconds(self):
        def check(lines, seconds):
            self.assertEqual(lines, ["one", "two"])
            self.assertGreaterEqual(seconds, 0.2)
        self.assertIsNone(self.verdict("echo one; sleep 0.2; echo two", check))

    def test_misbehaving(self):
        self.assertIn("not built", self.verdict(None))
        self.assertIn("exit status 3", self.verdict("echo hello; exit 3"))
        self.assertIn("exit status -", self.verdict("echo hello; kill -SEGV $$"))
        self.assertIn("stderr", self.verdict("echo hello; echo oops >&2"))
        self.assertIn("printed nothing", self.verdict("true"))
        self.assertIn("not ended", self.verdict("printf hello"))
        self.assertIn("did not end", self.verdict("exec sleep 20", limit=0.2))

    def test_late_is_tried_again(self):
        tries = []

        def late_once(_lines, _seconds):
            tries.append(1)
            tour.require_soon(len(tries) == 2, "late")
        self.assertIsNone(self.verdict("echo hello", late_once))
        self.assertEqual(len(tries), 2)

    def test_late_every_time_fails(self):
        def late(_lines, _seconds):
            raise tour.Late("too slow")
        self.assertIn("too slow", self.verdict("echo hello", late))

    def test_wrong_is_not_tried_again(self):
        tries = []

        def wrong(_lines, _seconds):
            tries.append(1)
            raise tour.Wrong("wrong")
        self.assertEqual(self.verdict("echo hello", wrong), "wrong")
        self.assertEqual(len(tries), 1)

    def test_whole_tool(self):
        with tempfile.TemporaryDirectory() as bindir:
            for name, (lines, _) in GOOD.items():
                if name != "08_bank_actor":
                    continue  # the one good program among ten
                path = os.path.join(bindir, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
                os.chmod(path, 0o755)
            done = subprocess.run([sys.executable, TOOL, bindir], stdout=subprocess.PIPE, text=True,
                                  check=False)
        printed = done.stdout.splitlines()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(printed[-1], "1 passed, 10 failed")
        self.assertIn("08_bank_actor: held", printed)
        self.assertIn("01_basic: FAILED: is not built", printed)
        self.assertEqual(len(printed[-1 - len(tour.PROGRAMS):-1]), len(tour.PROGRAMS))


if __name__ == "__main__":
    unittest.main()
