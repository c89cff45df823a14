"""`docker compose` for tests of exports that other tools run in containers: the fixture `compose_path`.

`.ci/docker-compose.sh` installs the plugin; without it these tests are skipped, or fail with MLEBENCH_REQUIRE_COMPOSE=1.
"""
