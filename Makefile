# `make run` starts a whole mail server for one developer; `make test` proves it. See README.md.

.PHONY: run build test unit-tests interoperation-tests fuzz bench format lint clean

SHELL := /bin/bash
COMPUTING := SimulationTests|CrashTests

run: build
	.build/release/martlet dev

build:
	@Scripts/install-packages build
	swift build -c release --product martlet

test:
	@Scripts/install-packages test
	$(MAKE) lint
	swift build --build-tests
	$(MAKE) unit-tests interoperation-tests
	Fuzzing/run --inputs 20000

# What passed is left out: a failure stands at the end of what is printed. Those that take minutes of processor time run apart, so that the
# others are not kept waiting.
unit-tests:
	swift test --skip-build --parallel --quiet --experimental-maximum-parallelization-width 8 --skip '$(COMPUTING)'
	swift test --skip-build --parallel --quiet --experimental-maximum-parallelization-width 2 --filter '$(COMPUTING)'

interoperation-tests:
	@Scripts/unpack-peers
	swift build --product martlet
	MARTLET=.build/debug/martlet python3 -m unittest discover -s Tests/Interoperation -t Tests/Interoperation

# TIME=600 looks longer; TARGET=spool at one.
fuzz:
	@Scripts/install-packages test
	Fuzzing/run --time $(or $(TIME),60) $(TARGET)

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Fuzzing
	Scripts/check-floors

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzzing

bench: build
	@Scripts/install-packages bench
	Benchmarks/bench.py

clean:
	rm -rf .build .build-*
