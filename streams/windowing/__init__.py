"""From events to closed windows: batches, watermarks, the clock-skew guard, the assembler."""
