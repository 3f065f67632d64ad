# Every goal is a verb of dev.py, which holds the one list of them: `make` shows it.
# Arguments: `make test ARGS='-k retry'`. Another Python: `make test PYTHON=python3.13`.
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(shell command -v $(name) 2>/dev/null)) python3)

%: FORCE
	@$(PYTHON) dev.py $@ $(if $(ARGS),-- $(ARGS))

Makefile FORCE: ;
.PHONY: FORCE
