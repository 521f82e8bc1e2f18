#!/usr/bin/env python3
"""Compiles a program with each compiler and compares the first error with what the program expects.

  check.py --compiler g++ --compiler clang++-19 -Iinclude [--precompiled DIR] case.cpp ...
  check.py --compiler g++ --compiler clang++-19 -Iinclude --precompile DIR

The second form compiles the library's headers into DIR, so that the cases need not read them again.

A case says, in a comment of its own line, one of
  // expect-first-error: <regular expression>     the compiler fails; its first error line matches
  // expect-first-error, GCC before 13: <...>     so there; other compilers are silent
  // expect: compiles                             the compiler is silent
"""
import argparse
import os
import re
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--compiler", action="append", required=True)
parser.add_argument("-I", action="append", default=[], dest="include")
parser.add_argument("--precompile")
parser.add_argument("--precompiled")
parser.add_argument("cases", nargs="*")
options = parser.parse_args()

FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Werror",
         *(f"-I{folder}" for folder in options.include if folder)]


def header_of(folder, compiler):
    return os.path.join(folder, os.path.basename(compiler), "all.hpp")


def precompile(compiler):
    header = header_of(options.precompile, compiler)
    os.makedirs(os.path.dirname(header), exist_ok=True)
    with open(header, "w", encoding="utf-8") as file:
        file.write("#include <strait/strait.hpp>\n")
    # Both compilers look for header.gch when told to -include the header.
    subprocess.run([compiler, *FLAGS, "-x", "c++-header", header, "-o", header + ".gch"], check=True)


if options.precompile:
    for compiler in options.compiler:
        precompile(compiler)
    sys.exit(0)


def is_gcc_before_13(compiler):
    if "clang" in os.path.basename(compiler):
        return False
    version = subprocess.run([compiler, "-dumpversion"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(version.split(".")[0]) < 13


def judge(compiler, case):
    """None, or what is wrong."""
    with open(case, encoding="utf-8") as file:
        text = file.read()
    error = re.search(r"^// expect-first-error: (.+)$", text, re.M)
    old_gcc = re.search(r"^// expect-first-error, GCC before 13: (.+)$", text, re.M)
    if old_gcc:
        error = old_gcc if is_gcc_before_13(compiler) else None
    elif bool(error) == bool(re.search(r"^// expect: compiles$", text, re.M)):
        return "the case needs exactly one '// expect...' line"
    prefix = ["-include", header_of(options.precompiled, compiler)] if options.precompiled else []
    command = [compiler, *FLAGS, "-fsyntax-only", *prefix, case]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "LC_ALL": "C"}, check=False)
    if not error:
        return None if done.returncode == 0 else f"does not compile:\n{done.stdout}"
    if done.returncode == 0:
        return f"compiles, but should not: {error[1]}"
    first = next((line for line in done.stdout.splitlines() if re.search(r"\berror: ", line)), "(none)")
    if re.search(error[1], first):
        return None
    return f"the first error should match: {error[1]}\n  first error: {first}"


failed = 0
for case in options.cases:
    for compiler in options.compiler:
        wrong = judge(compiler, case)
        failed += wrong is not None
        print(f"{os.path.basename(case)}, {os.path.basename(compiler)}: {wrong or 'as expected'}")
sys.exit(failed != 0)
