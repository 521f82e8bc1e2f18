# The short way to everything; each line can be typed by hand as well.
.PHONY: help tour test verify bench docs format clean

help:
	@echo "make tour     build and run the eleven example programs, and check what they print"
	@echo "make test     the whole test run (needs about ten minutes on two cores)"
	@echo "make verify   every model to the end; writes docs/verification.md (up to two hours)"
	@echo "make bench    example 09, a first look at speed; then coroutines beside Go and tokio (four minutes)"
	@echo "make docs     where the documentation is"
	@echo "make format   format the sources with clang-format-19"
	@echo "make clean    remove build/"

# A release build of the examples alone: no test library is needed for it.
define build_examples
	@cmake -S . -B build/tour -G Ninja -DCMAKE_BUILD_TYPE=Release -DSTRAIT_BUILD_TESTS=OFF --log-level=WARNING
	@cmake --build build/tour --target tour_examples
endef

tour:
	@tools/setup --minimal
	$(build_examples)
	@tools/tour build/tour/examples/tour

test:
	@tools/setup
	@tools/test

verify:
	@tools/setup
	@tools/verify

# Threads beside rivals are still to come: of them this has the speed lesson of the tour alone.
bench:
	@tools/setup --bench
	$(build_examples)
	@echo "bench: example 09: one run, this machine, no rivals"
	@build/tour/examples/tour/09_performance
	@tools/bench_coroutines --quick

docs:
	@echo "The documentation is Markdown; it needs no build. Start at docs/:"
	@find docs -name '*.md' | sort

format:
	@tools/setup
	@tools/format

clean:
	rm -rf build
