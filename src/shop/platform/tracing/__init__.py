"""Spans, in OpenTelemetry's words. Nothing of it is loaded unless the settings want it: wrappers, no switches."""
