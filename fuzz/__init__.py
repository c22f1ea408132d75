"""The shop, asked whatever its OpenAPI document allows or forbids: each answer must be one that it foresees."""
