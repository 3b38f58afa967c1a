"""Bars as SVG: one panel for each workload, one bar for each middleware, each panel with a scale of its own."""

from html import escape

COLUMNS = 3
PANEL_WIDTH, BAR_HEIGHT, BAR_STEP = 330, 13, 19
LABEL_WIDTH, VALUE_WIDTH, GAP, TITLE_HEIGHT, HEAD = 92, 62, 22, 26, 64
INK, FAINT, OURS, FLOOR, OTHER = "#1c2733", "#6b7785", "#c2410c", "#94b8a8", "#8fa3bb"


def colour(name):
    """Ours stands out, and what is only a yardstick steps back."""
    if name.startswith("pgherd"):
        return OURS
    return FLOOR if name.startswith("floor") or name == "direct" else OTHER


def page(title, says, panels):
    """A picture. A panel is (title, bars), a bar is (name, values, text); further values are drawn paler behind."""
    rows = [panels[at:at + COLUMNS] for at in range(0, len(panels), COLUMNS)]
    parts, y = [], HEAD
    for row in rows:
        for column, (name, bars) in enumerate(row):
            parts += _panel(GAP + column * (PANEL_WIDTH + GAP), y, name, bars)
        y += TITLE_HEIGHT + max(len(bars) for _, bars in row) * BAR_STEP + GAP
    width = GAP + COLUMNS * (PANEL_WIDTH + GAP)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{y}" fill="#ffffff"/>',
        f'<text x="{GAP}" y="28" font-size="18" font-weight="600" fill="{INK}">{escape(title)}</text>',
        f'<text x="{GAP}" y="47" fill="{FAINT}">{escape(says)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def _panel(x, y, title, bars):
    yield f'<text x="{x}" y="{y + 12}" font-weight="600" fill="{INK}">{escape(title)}</text>'
    largest = max((max(values) for _, values, _ in bars), default=0) or 1
    room = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH
    for at, (name, values, text) in enumerate(bars):
        top = y + TITLE_HEIGHT + at * BAR_STEP
        weight = "600" if name.startswith("pgherd") else "400"
        yield (f'<text x="{x + LABEL_WIDTH - 6}" y="{top + 10}" text-anchor="end" font-weight="{weight}" '
               f'fill="{INK}">{escape(name)}</text>')
        longest = 0
        for depth, value in sorted(enumerate(values), reverse=True):
            length = max(1, room * value / largest)
            longest = max(longest, length)
            yield (f'<rect x="{x + LABEL_WIDTH}" y="{top}" width="{length:.1f}" height="{BAR_HEIGHT}" '
                   f'fill="{colour(name)}" fill-opacity="{1 - 0.35 * depth:.2f}"/>')
        yield f'<text x="{x + LABEL_WIDTH + longest + 5:.1f}" y="{top + 10}" fill="{FAINT}">{escape(text)}</text>'
