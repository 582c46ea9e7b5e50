"""Prior configs as data: one TOML file a preset."""
