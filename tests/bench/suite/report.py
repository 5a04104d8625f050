# SPDX-License-Identifier: Apache-2.0
"""Figures out of legs: medians, ratios of neighbours with their confidence interval, the table, the plots."""
import random
import statistics
from xml.sax.saxutils import escape

RESAMPLES = 2000
ENOUGH_QUADS = 4  # for a figure that is published


def median(values):
    return statistics.median(values) if values else None


def interval(values):
    """95 % of the median, by bootstrap; the same for the same values."""
    dice = random.Random(1)
    medians = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def ratios(legs, first, second, key):
    """first / second, pair by pair in the order in which they ran; where Kafka ran once, against each leg of the other."""
    mine = [leg[key] for leg in legs.get(first, [])]
    theirs = [leg[key] for leg in legs.get(second, [])]
    if len(mine) == 1:
        mine = mine * len(theirs)
    return [a / b for a, b in zip(mine, theirs) if b]


def noise(legs, system, key):
    """How far the two legs of one system in one quad were apart: the A/A pairs."""
    values = [leg[key] for leg in legs.get(system, [])]
    return [abs(a / b - 1) for a, b in zip(values[::2], values[1::2]) if b]


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def cell(values):
    if not values:
        return "-"
    if len(values) == 1:
        return number(values[0])
    return f"{number(median(values))} ({number(min(values))}-{number(max(values))})"


def ratio_cell(values, more_is_better):
    """Kafka to Ottla, or the other way where more is better: above 1, Ottla is ahead."""
    if not values:
        return "-"
    values = [1 / one for one in values] if more_is_better else values
    if len(values) < 3:
        return number(median(values))
    low, high = interval(values)
    return f"{number(median(values))} [{number(low)}, {number(high)}]"


def allowed(result, wanted):
    """What Ottla's median may be at most in this result; None where what it is compared with was not measured."""
    if not wanted["beside"]:
        return wanted["factor"]
    key, legs = wanted["key"], result["legs"]
    beside = [one for one in legs if one.startswith("kafka-")] if wanted["beside"] == "fastest" else [wanted["beside"]]
    medians = [median([leg[key] for leg in legs[one]]) for one in beside if legs.get(one)]
    if not medians:
        return None
    return wanted["factor"] * min(medians) + (result["limits"][wanted["plus"]] if wanted["plus"] else 0)


def verdict(result, figure):
    """(what was wanted, whether it is met): by medians; beside the null broker alone by that of the neighbours' ratios."""
    wanted, key = figure["wanted"], figure["key"]
    mine = median([leg[key] for leg in result["legs"].get("ottla", [])])
    if not wanted:
        return "-", "-"
    most = allowed(result, {**wanted, "key": key})
    text = wanted["text"] + (f" = {number(most)}" if wanted["beside"] and most is not None else "")
    if most is None or mine is None:
        return text, "-"
    over = mine / most
    if wanted["beside"] == "null" and not wanted["plus"]:
        over = median(ratios(result["legs"], "ottla", "null", key)) / wanted["factor"]
    return text, "yes" if over <= 1 else f"no: {(over - 1) * 100:.0f} % over"


def bound_cell(result, figure):
    """How many times the least that the machine itself takes for it."""
    mine = median([leg[figure["key"]] for leg in result["legs"].get("ottla", [])])
    if not figure["limit"] or mine is None:
        return "-"
    return f"{mine / sum(result['limits'][one] for one in figure['limit']):.2f}"


def title_of(result, figure):
    notes = [*(["split"] if result["pin"] == "split" else []), *([result["note"]] if result["note"] else []),
             *([f"{result['quads']} quads"] if result["quads"] < ENOUGH_QUADS and not result["note"] else [])]
    return (f"{result['title']}{' (' + ', '.join(notes) + ')' if notes else ''}: {figure['title']}, {figure['unit']}"
            f"{' **invalid: disturbed**' if result['invalid'] else ''}")


def rows(results, kafkas):
    """The table's cells, a figure a row. Of each system its median, smallest and largest leg."""
    table = [["", "Ottla", *kafkas, "null broker", *(f"{one} : Ottla" for one in kafkas), "Ottla : null", "Ottla : machine", "A/A",
              "wanted", "met"]]
    for result in results:
        for figure in result["figures"]:
            key, legs = figure["key"], result["legs"]
            apart = noise(legs, "ottla", key)
            table.append([
                title_of(result, figure),
                cell([leg[key] for leg in legs.get("ottla", [])]),
                *(cell([leg[key] for leg in legs.get(one, [])]) for one in kafkas),
                cell([leg[key] for leg in legs.get("null", []) if key in leg]),
                *(ratio_cell(ratios(legs, one, "ottla", key), figure["more_is_better"]) for one in kafkas),
                ratio_cell(ratios(legs, "ottla", "null", key), False),
                bound_cell(result, figure),
                f"{median(apart) * 100:.0f} %" if apart else "-",
                *verdict(result, figure)])
    return table


def for_readers(table, kafkas):
    """The table without the columns that only who doubts looks at."""
    left_out = {table[0].index(one) for one in ["Ottla : machine", "A/A", *(f"{one} : Ottla" for one in kafkas[1:])]}
    return [[one for i, one in enumerate(row) if i not in left_out] for row in table]


def put_between(path, begin, end, text):
    """Replaces what stands between two lines of a file; whether they are there."""
    try:
        with open(path, encoding="utf-8") as source:
            content = source.read()
    except FileNotFoundError:
        return False
    head, found, rest = content.partition(begin + "\n")
    _, closed, tail = rest.partition(end + "\n")
    if not found or not closed:
        return False
    with open(path, "w", encoding="utf-8") as target:
        target.write(f"{head}{begin}\n{text}\n{end}\n{tail}")
    return True


def markdown(table):
    lines = ["| " + " | ".join(one) + " |" for one in table]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(table[0]) - 1), *lines[1:]])


def plot(result, figure, systems):
    """A bar per system with its range, as SVG; none where nothing was measured."""
    bars = [(one, [leg[figure["key"]] for leg in result["legs"][one]]) for one in systems if result["legs"].get(one)]
    if not bars:
        return None
    most = max(max(values) for _, values in bars) or 1
    width, left, height = 640, 130, 34
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{50 + height * len(bars)}" font-family="sans-serif" font-size="13">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="8" y="22" font-size="15">{escape(result["title"])}: {escape(figure["title"])}, {escape(figure["unit"])}</text>']
    for i, (name, values) in enumerate(bars):
        y = 38 + i * height
        scale = (width - left - 110) / most
        middle = median(values)
        colour = "#2a7f62" if name == "ottla" else "#9aa5b1" if name == "null" else "#c0603f"
        out.append(f'<text x="8" y="{y + 15}">{escape(name)}</text>'
                   f'<rect x="{left}" y="{y}" width="{max(1, middle * scale):.1f}" height="20" fill="{colour}"/>'
                   f'<line x1="{left + min(values) * scale:.1f}" x2="{left + max(values) * scale:.1f}" y1="{y + 10}" y2="{y + 10}" stroke="black"/>'
                   f'<text x="{left + max(values) * scale + 8:.1f}" y="{y + 15}">{number(middle)}</text>')
    return "\n".join([*out, "</svg>", ""])
