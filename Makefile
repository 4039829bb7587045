# SPDX-License-Identifier: MIT
#
# The front door; CMakeLists.txt does the work. Each target first installs the
# Debian packages that it misses (.ci/packages).
#
#   make build                 build/bin/shoal, runnable where it is
#   make test                  every spec; SANITIZE=1: under AddressSanitizer and
#                              UBSan; SANITIZE=thread: ThreadSanitizer (for
#                              the C programs: ONLY='^c/'); GC=1: with the most
#                              aggressive Lua GC;
#                              ONLY=regex: tests with such names; LUA=lua5.4
#   make test-lua LUA=5.4      the core's and the binding's specs under another Lua
#                              (5.1, 5.2, 5.3, 5.4)
#   make check                 format, cppcheck, luacheck, layers; -Werror, also for
#                              benchmarks and fuzzers
#   make bench                 how fast it is (docs/performance.md), also to
#                              build/bench.json; ONLY=name: one benchmark;
#                              COUNT=1: instructions, too
#   make bench-namespaces      what real processes bear, each on a host of its own: writes
#                              a table of docs/reliability.md; it takes root
#   make bench-peers           shoal beside serf, memberlist and tarantool's swim
#                              (docs/comparison.md); SECONDS=60, ONLY=serf
#   make explore               random faults over random clusters: SECONDS=600,
#                              SEED=1; SANITIZE=1
#   make reliability           what the protocol bears: writes the tables of
#                              docs/reliability.md
#   make picture               draws the simulated cluster of README.md:
#                              docs/cluster.svg
#   make fuzz                  the fuzzers, JOBS at a time: SECONDS=60 each,
#                              SEED=1; ONLY=engine, value, codec, control,
#                              socket, seal, memory, dns or web
#   make soak                  thirty real members, killed, stopped, restarted and
#                              reloaded: SECONDS=600, SEED=1
#   make hostile               what a hostile peer can do to real members
#                              (docs/security.md): SEED=1, SCALE=0.1
#   make leaves                real members leave: is anybody taken for failed?
#                              COUNT=1000
#   make disk-faults           each system call with which a member reads or writes its memory
#                              on disk fails, and the member is killed there (strace)
#   make rotation              real members get another key under load, three of them later
#                              (docs/security.md): COUNT=64
#   make cut-off               what a reload cuts off, in large figures: 1,000 connections
#                              and coroutines, 10,000 programs
#   make nginx-reloads         nginx beside members gets new workers 1,000 times, and each sees what
#                              is so then: COUNT=1000
#   make tables                writes what documents and types say of errors, events,
#                              config fields and counters, from src/shoal_*.h
#   make demo                  a cluster on loopback, and what happens to it
#   make fresh CMD="make demo" runs a command in a clone of HEAD on a bare Debian
#                              system (.ci/fresh); it takes root
#   make doc                   the reference of the Lua API, for a browser:
#                              build/doc/index.html (ldoc)
#   make addon                 the types as an addon of the Lua language server:
#                              build/luals/shoal
#   make deb                   Debian packages, in build-deb
#   make deb-check             builds them on a bare Debian system, and installs and
#                              tests them on another; it takes root
#   make musl                  do the sources compile with musl (Alpine, OpenWrt)?
#   make install PREFIX=/usr/local [DESTDIR=]
#   make clean

PREFIX ?= /usr/local
LUA    ?= luajit
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
SEED   ?= 1

MAKEFLAGS += --no-print-directory

BUILD := build$(if $(SANITIZE),-sanitize$(SANITIZE:1=))$(if $(filter-out luajit,$(LUA)),-$(LUA))
FLAGS := -DSHOAL_LUA=$(LUA) -DSHOAL_SANITIZE=$(or $(SANITIZE:1=ON),OFF) \
         -DSHOAL_GC=$(if $(GC),ON,OFF)
TARGETS := shoal
QUIETLY := --log-level=NOTICE >/dev/null
C_FILES = $(shell find src spec bench examples -name '*.[ch]')

.PHONY: cut-off build deps deps-build test test-lua check bench bench-namespaces bench-peers explore fuzz soak hostile leaves disk-faults rotation nginx-reloads reliability picture tables demo fresh doc addon deb deb-check musl install clean

build: deps-build
	@cmake -S . -B $(BUILD) $(FLAGS) $(QUIETLY)
	@cmake --build $(BUILD) -j $(JOBS) --target $(TARGETS)

deps:
	@.ci/deps build demo test check bench

deps-build:
	@.ci/deps build

test:
	@.ci/deps build test
	@.ci/unpack $(BUILD)/nginx-lua nginx-lua
	@$(MAKE) build TARGETS=all
	@cd $(BUILD) && ctest -j $(JOBS) --output-on-failure --no-tests=error \
	  $(if $(ONLY),-R '$(ONLY)')

check:
	@.ci/deps build check
	@echo clang-format; clang-format --dry-run -Werror $(C_FILES)
	@echo cppcheck; cppcheck --quiet --error-exitcode=1 -j $(JOBS) --std=c11 \
	  --enable=warning,performance,portability --inline-suppr \
	  --suppressions-list=.ci/cppcheck -I src $(filter %.c,$(C_FILES))
	@echo luacheck; luacheck --quiet lua spec bench examples .busted .luacheckrc
	@echo layers, habits, packages, version; luajit /usr/bin/busted \
	  $(patsubst %,spec/house/%_spec.lua,layers style packages version)
	@echo warnings are errors; cmake -S . -B build-check \
	  -DCMAKE_BUILD_TYPE=Release -DSHOAL_WERROR=ON -DSHOAL_LUA=$(LUA) $(QUIETLY)
	@cmake --build build-check -j $(JOBS) --target all bench spec-fuzzers

bench-namespaces:
	@.ci/deps build bench
	@$(MAKE) build
	@LUA_PATH='./?.lua;;' luajit bench/namespaces.lua $(BUILD)

explore:
	@$(MAKE) build TARGETS=spec-explore
	@$(BUILD)/spec/spec-explore --seed $(SEED) --seconds $(or $(SECONDS),600)

soak:
	@.ci/deps build demo
	@$(MAKE) build
	@LUA_PATH='./?.lua;;' SHOAL_BUILD='$(BUILD)' luajit spec/soak/soak.lua $(or $(SECONDS),600) $(SEED)

hostile:
	@.ci/deps build demo test
	@$(MAKE) build TARGETS='shoal spec-flood'
	@LUA_PATH='./?.lua;;' SHOAL_BUILD='$(BUILD)' luajit spec/hostile/hostile.lua $(or $(SEED),1) $(or $(SCALE),1)

leaves:
	@.ci/deps build demo
	@$(MAKE) build
	@LUA_PATH='./?.lua;;' SHOAL_BUILD='$(BUILD)' luajit spec/hostile/leaves.lua $(or $(COUNT),1000)

disk-faults:
	@.ci/deps build test
	@$(MAKE) build
	@LUA_PATH='./?.lua;;' SHOAL_BUILD='$(BUILD)' luajit spec/faults/walk.lua

rotation:
	@.ci/deps build demo
	@$(MAKE) build
	@LUA_PATH='./?.lua;;' SHOAL_BUILD='$(BUILD)' luajit spec/soak/rotation.lua $(or $(COUNT),64)

cut-off:
	@.ci/deps build test
	@$(MAKE) build TARGETS=all
	@cd $(BUILD) && SHOAL_CUT_OFF=$(or $(COUNT),1000) ctest -R script/cut_off --output-on-failure --no-tests=error

nginx-reloads:
	@.ci/deps build test
	@.ci/unpack $(BUILD)/nginx-lua nginx-lua
	@$(MAKE) build TARGETS=all
	@cd $(BUILD) && SHOAL_RELOADS=$(or $(COUNT),1000) ctest -R resty/shoal --timeout 7200 --output-on-failure --no-tests=error

# Simulated: the figures are those of the code, not of the machine.
reliability:
	@.ci/deps build
	@$(MAKE) build
	@luajit bench/reliability.lua $(BUILD)

PICTURE := examples/kv.lua --nodes 50 --for 120 --kill 5 --partition 20
picture:
	@$(MAKE) build
	@$(BUILD)/bin/shoal sim $(PICTURE) --plot docs/cluster.svg

tables:
	@$(MAKE) build
	@LUA_PATH='$(BUILD)/share/lua/5.1/?.lua;./?.lua;;' LUA_CPATH='$(BUILD)/lib/lua/5.1/?.so;;' \
	  luajit spec/support/tables.lua

# LUA=5.4 and LUA=lua5.4 are the same.
test-lua: PUC = lua$(patsubst lua%,%,$(LUA))
test-lua:
	@.ci/deps build test $(PUC)
	@cmake -S . -B build-$(PUC) -DSHOAL_LUA=$(PUC) $(QUIETLY)
	@cmake --build build-$(PUC) -j $(JOBS)
	@cd build-$(PUC) && ctest -j $(JOBS) --output-on-failure --no-tests=error \
	  -L '^(core|oom|script|wire)$$'

# What they find in build-fuzz/found/, what they learned in build-fuzz/corpus/.
FUZZ := build-fuzz
FUZZERS := engine value codec control socket seal memory dns web
fuzz:
	@.ci/deps build fuzz
	@cmake -S . -B $(FUZZ) -DCMAKE_C_COMPILER=clang -DSHOAL_FUZZ=ON \
	  "-DSHOAL_SANITIZE=fuzzer-no-link;address;undefined" $(QUIETLY)
	@cmake --build $(FUZZ) -j $(JOBS) --target fuzz
	@mkdir -p $(FUZZ)/corpus $(FUZZ)/found && $(FUZZ)/spec/fuzz-seeds $(FUZZ)/corpus
	@$(MAKE) -k -Otarget -j $(JOBS) $(patsubst %,fuzz-%,$(or $(ONLY),$(FUZZERS)))

# One of them: a line when it found nothing, all that it said when it did. A step
# of a visit to the socket is a system call or many.
fuzz-socket: LONGEST = 400
fuzz-%:
	@if $(FUZZ)/spec/$@ -seed=$(SEED) -max_len=$(or $(LONGEST),4096) -verbosity=0 \
	  -max_total_time=$(or $(SECONDS),60) -timeout=20 -print_final_stats=1 \
	  -artifact_prefix=$(FUZZ)/found/$*- $(FUZZ)/corpus/$* >$(FUZZ)/$*.log 2>&1; \
	then echo "$@: $$(sed -n 's/.*executed_units: //p' $(FUZZ)/$*.log) runs," \
	  "nothing found"; \
	else cat $(FUZZ)/$*.log; exit 1; fi

demo:
	@.ci/deps build demo
	@$(MAKE) build
	@luajit examples/demo.lua $(BUILD)

# In one piece, so that all of it runs there: CMD="make build && make demo".
fresh: export COMMAND = $(or $(CMD),make demo)
fresh:
	@.ci/fresh sh -c "$$COMMAND"

# Release, in a folder of its own. The figures go where everything else is.
bench:
	@.ci/deps build bench
	@cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DSHOAL_TESTS=OFF \
	  -DSHOAL_LUA=luajit $(QUIETLY)
	@cmake --build build-bench -j $(JOBS) --target all bench
	@mkdir -p build
	@luajit bench/run.lua build-bench JSON=build/bench.json ONLY=$(ONLY) COUNT=$(COUNT)

# Those of them that are installed; it says which are not.
bench-peers:
	@.ci/deps build bench
	@cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DSHOAL_TESTS=OFF \
	  -DSHOAL_LUA=luajit $(QUIETLY)
	@cmake --build build-bench -j $(JOBS)
	@luajit bench/peers/run.lua build-bench 'ONLY=$(ONLY)' SECONDS=$(SECONDS)

# One source: what ldoc reads is made from the types of the Lua language server.
doc:
	@.ci/deps build doc
	@rm -rf build/doc && mkdir -p build/doc-input build/doc
	@LUA_PATH='./?.lua;;' luajit spec/support/reference.lua build/doc-input
	@ldoc -c docs/config.ld --fatalwarnings --quiet -d build/doc build/doc-input >/dev/null
	@echo build/doc/index.html

addon:
	@.ci/deps build
	@rm -rf build/luals
	@LUA_PATH='./?.lua;;' luajit spec/support/addon.lua build/luals/shoal
	@echo build/luals/shoal

deb:
	@.ci/deps build deb
	@.ci/deb

deb-check:
	@.ci/debcheck

musl:
	@.ci/deps build musl
	@.ci/musl

install: build
	cmake --install $(BUILD) --prefix '$(PREFIX)'

clean:
	rm -rf build build-* build.luarocks
