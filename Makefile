# The short way to everything; each line can be typed by hand as well.
.PHONY: help tour test verify bench docs format clean

help:
	@echo "make tour     build and run the eleven example programs, and check what they print"
	@echo "make test     the whole test run (about twenty minutes on two cores)"
	@echo "make verify   every model to the end; writes docs/verification.md (up to two hours)"
	@echo "make bench    threads beside nine rivals, coroutines beside Go and tokio (five minutes after the builds; FULL=1: seven rounds of more work, half an hour)"
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

bench:
	@tools/setup --bench
	@tools/bench $(if $(FULL),,--quick)
	@tools/bench_coroutines $(if $(FULL),,--quick)

docs:
	@echo "The documentation is Markdown; it needs no build. Start at docs/:"
	@find docs -name '*.md' | sort

format:
	@tools/setup
	@tools/format

clean:
	rm -rf build
