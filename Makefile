# Two commands: `make run` serves the plant, `make test` runs every test. Both install the Debian packages that are missing.
.PHONY: help run test sanitizers bench load soak fuzz packages

ARGS ?=
MINUTES ?= 30
SECONDS ?= 60
TARGET ?=

help:
	@echo "make run    install what is missing, build, serve on http://127.0.0.1:8000 (options: make run ARGS='--port 9000')"
	@echo "make test   install what is missing, build, run every test, also under AddressSanitizer, UBSan and ThreadSanitizer"
	@echo "make bench  install what is missing, build, measure beside nginx and others (docs/performance.md; make bench ARGS=--quick)"
	@echo "make load   build and let a thousand clients and more be hostile (docs/load.md)"
	@echo "make soak   all of them together under AddressSanitizer, half an hour (or: make soak MINUTES=5)"
	@echo "make fuzz   feed every reader of input with what libFuzzer makes up (docs/fuzzing.md; options: SECONDS=60 TARGET=query)"

run:
	@config/install-packages.sh run
	@cmake --preset release --log-level=WARNING -DBATTERY_TWIN_TESTS=OFF >/dev/null
	@cmake --build --preset release --target battery-twin
	@exec build/release/battery-twin $(ARGS)

test:
	@config/install-packages.sh test
	cmake --preset release -DBATTERY_TWIN_TESTS=ON
	cmake --build --preset release
	@$(MAKE) --no-print-directory sanitizers
	ctest --test-dir build/release --output-on-failure --timeout 300 -j 3 -LE 'load|clock'
# Once in some ten runs a timer of Asio's does not fire under libfaketime, which takes its hand to timerfd_settime: all
# threads wait, and nothing is left to be done.
	ctest --test-dir build/release --output-on-failure -L clock --repeat until-pass:2

# The rooms' own tests, those of the whole server and hostile clients, in builds that look for what tests cannot see.
# PostgreSQL has its turn with the store's: the whole server with it mostly waits, and shows the same code.
sanitizers:
	cmake --preset asan
	cmake --build --preset asan
	ctest --test-dir build/asan --output-on-failure --timeout 600 -j 3
	BATTERY_TWIN_TEST_BINARY=$(CURDIR)/build/asan/battery-twin \
	  ctest --test-dir build/release --output-on-failure --timeout 600 -j 3 -L system -LE postgres
	cmake --preset tsan
	cmake --build --preset tsan --target test_plant
	ctest --test-dir build/tsan --output-on-failure --timeout 600 -j 2 -L plant

bench:
	@config/install-packages.sh bench
	cmake --preset release -DBATTERY_TWIN_BENCH=ON -DBATTERY_TWIN_TESTS=OFF
	cmake --build --preset release --target battery-twin bench_responder bench_store bench_ws_bare bench_ws_load
	python3 tests/bench/bench.py build/release $(ARGS)

HOSTILE = PYTHONDONTWRITEBYTECODE=1 python3 tests/system/load/hostile.py

load:
	@config/install-packages.sh test
	cmake --preset release
	cmake --build --preset release --target battery-twin
	$(HOSTILE) build/release/battery-twin --full --strict \
	  nonreaders slowloris idle descriptors clock-step sigterm pipeliner bad-input

soak:
	@config/install-packages.sh test
	cmake --preset asan
	cmake --build --preset asan --target battery-twin
	$(HOSTILE) build/asan/battery-twin --full --minutes $(MINUTES) soak

# Everything that reads what others send, for SECONDS each, or one TARGET of tests/fuzz/corpus.
fuzz:
	@config/install-packages.sh fuzz
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz --target $(if $(TARGET),$(TARGET:%=fuzz_%),fuzz_targets)
	@tests/fuzz/fuzz.sh run $(SECONDS) $(TARGET)
