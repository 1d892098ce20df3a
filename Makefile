# `make run` starts a whole mail server for one developer; `make test` proves it. See README.md.

.PHONY: run build test unit-tests interoperation-tests bench format lint clean

SHELL := /bin/bash

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

# What passed is left out: a failure stands at the end of what is printed.
unit-tests:
	swift test --skip-build --parallel --quiet

interoperation-tests:
	swift build --product martlet
	MARTLET=.build/debug/martlet python3 -m unittest discover -s Tests/Interoperation -t Tests/Interoperation

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	Scripts/check-floors

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests

bench: build
	@Scripts/install-packages bench
	Benchmarks/bench.py

clean:
	rm -rf .build .build-*
