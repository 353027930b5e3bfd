"""What readers see and cannot see, by Unicode's own lists and not by ours."""

import unicodedata

# Default_Ignorable_Code_Point of Unicode 15, DerivedCoreProperties.txt.
IGNORABLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_hidden(char: str) -> bool:
    """Tell whether nobody sees a character, or it changes how others are seen."""
    if char in "\n\r\t":
        return False
    return (
        unicodedata.category(char) in ("Cc", "Cs")
        or unicodedata.bidirectional(char) in TURNING
        or any(first <= ord(char) <= last for first, last in IGNORABLE)
    )


def hidden_in(text: str) -> set[str]:
    """List what is hidden in a text."""
    return {char for char in set(text) if is_hidden(char)}
