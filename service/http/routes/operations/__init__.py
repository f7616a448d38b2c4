"""Operations: health, metrics, quarantine, tokens."""
