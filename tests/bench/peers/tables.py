"""Tables of what was measured: medians of the rounds with their spread, ratios to the peers, and
whatever went wrong."""

import statistics

NOISE_CORES = 0.3  # used by others meanwhile: such a row is to be taken again
LIMIT_CORES = 0.9  # used by the load, which has one thread: it may have been the limit


def number(value):
    return f"{value:,.0f}"


def time_us(value):
    return f"{value / 1000:.2f} ms" if value >= 1000 else f"{value:.0f} us"


class Row:
    """All rounds of one load and one way."""

    def __init__(self, records):
        self.good = [one for one in records if "failed" not in one]
        self.failed = [one["failed"] for one in records if "failed" in one]

    def median(self, name):
        values = [one[name] for one in self.good if name in one]
        return statistics.median(values) if values else None

    def worst(self, name):
        return max((one.get(name, 0) for one in self.good), default=0)

    def spread(self, name):
        values = sorted(one[name] for one in self.good if name in one)
        if not values:
            return "failed"
        text = number(statistics.median(values))
        return text if len(values) == 1 else f"{text} ({number(values[0])} to {number(values[-1])})"

    def notes(self):
        """What a reader must not miss."""
        notes = []
        if self.failed:
            notes.append(f"{len(self.failed)} FAILED: {self.failed[0].splitlines()[-1][:80]}")
        for name in ("errors", "complaints", "missing", "lost"):
            if self.worst(name):
                notes.append(f"{name.upper()} {number(self.worst(name))}")
        if self.worst("duplicates"):
            notes.append(f"{number(self.worst('duplicates'))} came twice")
        if self.worst("other_cores") > NOISE_CORES:
            notes.append(f"others used {self.worst('other_cores'):.1f} cores")
        if self.worst("client_cores") > LIMIT_CORES:
            notes.append(f"the load used {self.worst('client_cores'):.1f} cores")
        return "; ".join(notes)


def plain(name, show):
    """A column of the median of one figure."""

    def cell(row, _):
        value = row.median(name)
        return "-" if value is None else show(value)

    return cell


def spread(name):
    return lambda row, _: row.spread(name)


def ratio(name, peer):
    """A column of how many times the peer's figure it is."""

    def cell(row, rows):
        other = next((rows[who].median(name) for who in rows if who.startswith(peer)), None)
        own = row.median(name)
        return f"{own / other:.2f}" if own is not None and other else "-"

    return cell


def beside_first(name):
    """A column of how many times the figure of the load's first row it is."""

    def cell(row, rows):
        first = next(iter(rows.values())).median(name)
        own = row.median(name)
        return f"{own / first:.2f}" if own is not None and first else "-"

    return cell


def times(value):
    return f"{value:.2f}"


def cores(name):
    return plain(name, times)


def latencies(name):
    return {"p50": plain(name + "_p50_us", time_us), "p99": plain(name + "_p99_us", time_us)}


SENDS = {
    "messages/s": spread("acknowledged_per_s"),
    **latencies("ack"),
    "servers' cores": cores("server_cores"),
    "bytes written a message": plain("written_a_message", number),
    "x RabbitMQ": ratio("acknowledged_per_s", "RabbitMQ"),
    "x Redis": ratio("acknowledged_per_s", "Redis"),
    "x Beast echo": ratio("acknowledged_per_s", "Beast"),
    "x bare log": ratio("acknowledged_per_s", "bare"),
    "p50 x RabbitMQ": ratio("ack_p50_us", "RabbitMQ"),
}
CYCLES = {
    "received/s": spread("delivered_per_s"),
    **{f"send to receive {name}": cell for name, cell in latencies("delivery").items()},
    "servers' cores": cores("server_cores"),
    "bytes written a message": plain("written_a_message", number),
    "x RabbitMQ": ratio("delivered_per_s", "RabbitMQ"),
    "x Redis": ratio("delivered_per_s", "Redis"),
    "p50 x RabbitMQ": ratio("delivery_p50_us", "RabbitMQ"),
    "bytes x RabbitMQ": ratio("written_a_message", "RabbitMQ"),
}
PUSHES = {
    "POSTs/s": spread("delivered_per_s"),
    **{f"publish to POST {name}": cell for name, cell in latencies("delivery").items()},
    "x RabbitMQ": ratio("delivered_per_s", "RabbitMQ"),
    "x NATS": ratio("delivered_per_s", "NATS"),
    "p99 x RabbitMQ": ratio("delivery_p99_us", "RabbitMQ"),
}
BACKLOGS = {
    "filled/s": spread("filled_per_s"),
    "resident": plain("resident", lambda value: f"{value / 2**20:,.0f} MiB"),
    "disk a message": plain("disk_per_message", lambda value: f"{value:,.0f} bytes"),
    "drained/s": spread("delivered_per_s"),
    "sends x beside 10,000": plain("sends_beside_all", times),
    "drained x 100,000": plain("drained_beside_some", times),
    "drained x RabbitMQ": ratio("delivered_per_s", "RabbitMQ"),
    "resident x RabbitMQ": ratio("resident", "RabbitMQ"),
}
FAIL_OVERS = {
    "longest gap, ms": spread("gap_ms"),
    "acknowledged": spread("acknowledged"),
    "refused": spread("refused"),
    "acknowledged and lost": plain("lost", number),
    "gap x RabbitMQ": ratio("gap_ms", "RabbitMQ"),
}
GROWTH = {
    "messages/s": spread("acknowledged_per_s"),
    **latencies("ack"),
    "servers' cores": cores("server_cores"),
    "x the first": beside_first("acknowledged_per_s"),
}
COLUMNS = {
    "W1": SENDS,
    "W2": CYCLES,
    "W3": CYCLES,
    "W4": PUSHES,
    "W5": BACKLOGS,
    "W6": FAIL_OVERS,
    "W7": GROWTH,
}


def lines_of(words):
    return "| " + " | ".join(words) + " |"


def table(name, records):
    """The table of a workload: a row for each load and way, in the order they were measured."""
    columns = COLUMNS[name.split("-")[0]]
    loads = dict.fromkeys(one["load"] for one in records)
    grouped = {}
    for load in loads:
        mine = [one for one in records if one["load"] == load]
        ways = dict.fromkeys(one["who"] for one in mine)
        grouped[load] = {who: Row([one for one in mine if one["who"] == who]) for who in ways}
    cells = [
        [load, who, *(cell(row, rows) for cell in columns.values()), row.notes()]
        for load, rows in grouped.items()
        for who, row in rows.items()
    ]
    head = ["load", "who", *columns, "to be heeded"]
    # A column in which nothing stands is left out.
    shown = [at for at in range(len(head)) if any(row[at] not in ("-", "") for row in cells)]
    out = [lines_of([head[at] for at in shown]), "|" + "---|" * len(shown)]
    out += [lines_of([row[at] for at in shown]) for row in cells]
    return "\n".join(out)


def replace_section(text, heading, section):
    """`text` with the section of that heading replaced, or appended."""
    parts = text.split("\n## ")
    kept = [parts[0].rstrip()]
    found = False
    for part in parts[1:]:
        if part.split("\n", 1)[0] == heading:
            found = True
            kept.append(f"{heading}\n\n{section.strip()}")
        else:
            kept.append(part.strip())
    if not found:
        kept.append(f"{heading}\n\n{section.strip()}")
    return "\n\n## ".join(kept) + "\n"
