"""Words all contexts share: money, ids, time, refusals, events. Pure and tiny."""
