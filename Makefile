# The verbs of this project. `make` alone lists them; CI calls the same.
# The first Python that runs and is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP = .venv/bin/pip --disable-pip-version-check --quiet
# uv takes seconds where pip takes minutes. It does not read pip's configuration: where it cannot reach what is set there
# (an index of one's own, certificates), pip does it after all.
INSTALL = $(PIP) install --constraint requirements-dev.txt uv && \
	.venv/bin/uv pip install --quiet --python .venv/bin/python --compile-bytecode --requirement $(1) || \
	$(PIP) install --requirement $(1)
SSL_DIR ?= ssl
HOST ?= localhost
PUBLISHED = $(shell echo "$(IMAGE)" | tr A-Z a-z):$(TAG:v%=%)
PROCESSOR = $(subst x86_64,amd64,$(subst aarch64,arm64,$(shell uname -m)))
PROCESSORS = amd64 arm64
# One that can attach to an image what it was made of. Both builds are its: the second finds all that the first has made.
BUILD = docker buildx build --builder image-classifier --tag "$(PUBLISHED)-$(PROCESSOR)"
LOGIN = printf %s "$$REGISTRY_PASSWORD" | docker login --username "$$REGISTRY_USER" --password-stdin "$(firstword $(subst /, ,$(IMAGE)))"
LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-dart e2e certs bench check check-types check-rest format docs client-types web screenshots package test-image publish publish-index lock clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.installed ## Start the service on http://127.0.0.1:8000
	@.venv/bin/python -m app

test: .venv/.installed-dev ## Run all tests, on SQLite and on a real MySQL that it gets by itself
	.venv/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-slow: .venv/.installed-dev ## Run the tests that take minutes: fuzzing, memory, crashes
	.venv/bin/python -m pytest tests/slow --timeout 900

test-dart: ## Compile, lint and test the Dart client (needs Dart)
	cd clients/dart && dart pub get && dart analyze --fatal-infos && dart test

e2e: .venv/.installed-dev ## Bring the containers up with `docker compose`, test them from outside, take them down
	@docker compose version >/dev/null 2>&1 || { echo "make e2e needs Docker and docker compose"; exit 1; }
	.venv/bin/python -m pytest tests/e2e --timeout 900 --ignore tests/e2e/test_cluster.py
	.venv/bin/python -m pytest tests/e2e/test_cluster.py --timeout 900

certs: ## Make a certificate for trying HTTPS (in ssl/; HOST=name for another name than localhost)
	@mkdir -p $(SSL_DIR)
	@openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$(HOST)" \
		-addext "subjectAltName=DNS:$(HOST),IP:127.0.0.1" -keyout $(SSL_DIR)/key.pem -out $(SSL_DIR)/cert.pem 2>/dev/null
	@echo "$(SSL_DIR)/cert.pem and key.pem: self-signed, for 365 days, for $(HOST)"

bench: .venv/.installed-dev ## Measure cached answers beside an empty application (and beside OLD=checkout), misses beside the model
	.venv/bin/python -m bench.processor_time $(if $(OLD),--old $(OLD))
	.venv/bin/python -m bench.hot_path --connections 64 256
	.venv/bin/python -m bench.table_size --images 10000 1000000
	.venv/bin/python -m bench.overhead --mysql

check: .venv/.installed-dev ## Lint, type-check, look for holes in the code and in what it is built on
	@$(MAKE) --no-print-directory --jobs 2 check-types check-rest

check-types:
	.venv/bin/mypy

check-rest:
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/bandit --quiet --configfile pyproject.toml --recursive app scripts clients/python/src gunicorn_config.py
	.venv/bin/python -m scripts.audit

format: .venv/.installed-dev ## Format the code and mend what the linter can
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

docs: .venv/.installed-dev ## Write what is made of the code: tables of the documents, .env.example, Kubernetes' manifests, the client's content hash
	.venv/bin/python -m scripts.copy_content_hash
	.venv/bin/python -m scripts.settings_docs
	.venv/bin/python -m scripts.image_costs
	.venv/bin/python -m scripts.metrics_docs
	.venv/bin/python -m scripts.category_docs
	.venv/bin/python -m scripts.network_accuracy
	.venv/bin/python -m scripts.sizing --write
	.venv/bin/python -m scripts.chart_docs
	.venv/bin/python -m scripts.kubernetes_manifests

client-types: .venv/.installed-dev ## Write what the TypeScript client knows of the interface (needs npm)
	.venv/bin/python -m scripts.client_page
	cd clients/typescript && npm ci --ignore-scripts --no-audit --no-fund && npm run types

web: ## Build the pages into app/web/static/pages (needs npm)
	cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run check && npm run build

screenshots: .venv/.installed-dev ## Take README's pictures of the pages anew (needs Chromium and npm)
	SCREENSHOTS=$(CURDIR)/docs/images .venv/bin/python -m pytest tests/slow/test_pages_screenshots.py tests/slow/test_pages_dashboard_pictures.py --timeout 300

package: .venv/.installed-dev ## Build the service's wheel and source archive into dist/
	.venv/bin/uv build --quiet --clear
	@ls dist/*.whl

test-image: .venv/.installed-dev ## Start the container image IMAGE, and ask it what a user asks (without IMAGE it is built)
	IMAGE="$(IMAGE)" .venv/bin/python -m pytest tests/e2e/test_image.py --timeout 900

publish: .venv/.installed-dev ## Build the image for this processor, test it, push it as IMAGE:TAG-PROCESSOR (with REGISTRY_USER and REGISTRY_PASSWORD)
	@test "$(TAG:v%=%)" = "$$(.venv/bin/python -c 'from app.version import VERSION; print(VERSION)')" || \
		{ echo "TAG is $(TAG), and app/version.py says another version"; exit 1; }
	docker buildx inspect image-classifier >/dev/null 2>&1 || docker buildx create --name image-classifier --driver docker-container
	$(BUILD) --load .
	$(MAKE) --no-print-directory test-image IMAGE="$(PUBLISHED)-$(PROCESSOR)"
	@$(LOGIN)
	$(BUILD) --push --provenance=mode=max --sbom=true .

publish-index: ## Make of the images that `publish` has pushed, one of each processor, IMAGE:TAG (with REGISTRY_USER and REGISTRY_PASSWORD)
	@$(LOGIN)
	docker buildx imagetools create --tag "$(PUBLISHED)" $(PROCESSORS:%="$(PUBLISHED)-%")

lock: .venv/.installed-dev ## Pin the newest releases in requirements.txt and requirements-dev.txt
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --constraints requirements.txt --output-file requirements-dev.txt

clean: ## Remove the virtual environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python ..."; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: requirements.txt .venv/.python
	@echo "Installing into .venv (once, less than a minute) ..."
	@$(call INSTALL,requirements.txt)
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.python
	@echo "Installing tests and tools into .venv (once, less than a minute) ..."
	@$(call INSTALL,requirements-dev.txt)
	@touch $@ .venv/.installed
