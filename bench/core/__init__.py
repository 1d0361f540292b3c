"""The ground floor: errors, files, registry, configuration, progress, text. Knows no model, no store."""
