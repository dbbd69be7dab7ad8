"""Lets the local MLflow server start from a path with % in it: MLflow hands the path of its migrations to a reader of INI
files without doubling the sign. On the server's path only where its own path needs it (src/track/Server.ts)."""

from alembic.config import Config

set_main_option = Config.set_main_option


def with_percent_doubled(self, name, value):
    set_main_option(self, name, value.replace("%", "%%") if name == "script_location" else value)


Config.set_main_option = with_percent_doubled
