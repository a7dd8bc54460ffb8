#!/usr/bin/env python3
"""Draws the pictures of docs/models.md into docs/plots/, one SVG per machine and one of a population of cells.

Every number comes from `battery-twin simulate`; nothing is modelled here. Needs python3-matplotlib. A rerun gives the
same bytes on the same kind of processor.

    docs/plot_models.py [path of battery-twin] [names of pictures]
"""

import csv
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TWIN = str(HERE.parent / "build/release/battery-twin")
PLOTS = HERE / "plots"

# Okabe & Ito's colours, which the colour-blind can tell apart. Lines differ in style too.
BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#666666")
FOUR = [(BLUE, "-"), (VERMILION, "--"), (GREEN, "-."), (PURPLE, ":")]
LINES = {"anode": (BLUE, "-"), "cathode": (VERMILION, "--")}

plt.rcParams.update({
    "svg.hashsalt": "battery-twin", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 9.5,
    "legend.fontsize": 8, "legend.frameon": False, "lines.linewidth": 1.6, "axes.grid": True, "grid.color": "#dddddd",
    "grid.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "path.simplify_threshold": 0.5})


# ---- Running the program -------------------------------------------------------------------------------------------

def run(*arguments, bodies=None, read="trace"):
    """One run of `battery-twin simulate`. Bodies are those of POST /factory/start, one per batch.

    read="trace": {batch: {machine: [properties of every step]}}; read="output": rows of the CSV."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / ("steps.jsonl" if read == "trace" else "rows.csv")
        command = [TWIN, "simulate", "--seed", "1", f"--{read}", str(result), *map(str, arguments)]
        if bodies is not None:
            parameters = pathlib.Path(folder) / "batches.json"
            parameters.write_text(json.dumps(bodies))
            command += ["--parameters", str(parameters)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with result.open(newline="") as file:
            if read == "output":
                return list(csv.DictReader(file))
            traces = {}
            for line in file:
                step = json.loads(line)
                traces.setdefault(step["batch_id"], {}).setdefault(step["machine"], []).append(step["properties"])
            return traces


def nominal(bodies=None, *arguments):
    """The trace of the noise-free nominal cell, for each body one, in their order."""
    traces = run("--noise", "off", "--cells", 1, *arguments, bodies=bodies)
    return [traces[key] for key in sorted(traces, key=int)]


def column(steps, name, scale=1.0):
    return [scale * step[name] for step in steps]


def spread(low, high, count):
    """Equal ratios from low to high."""
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


def even(low, high, count):
    return [low + (high - low) * i / (count - 1) for i in range(count)]


# ---- Drawing -------------------------------------------------------------------------------------------------------

def panels(count=2, height=3.0):
    figure, axes = plt.subplots(1, count, figsize=(8.2 if count > 1 else 5.2, height), layout="constrained")
    return figure, axes


def limit(axes, value, text, direction="y", place=0.02, above=True):
    """A labelled limit."""
    style = {"textcoords": "offset points", "fontsize": 8, "color": GREY,
             "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}}
    if direction == "y":
        axes.axhline(value, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate(text, (place, value), xycoords=("axes fraction", "data"), xytext=(0, 3 if above else -3),
                      va="bottom" if above else "top", **style)
    else:
        axes.axvline(value, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate(text, (value, place), xycoords=("data", "axes fraction"), xytext=(3, 0), rotation=90,
                      va="bottom", **style)


def plain_ticks(axis, values):
    """Marks of a logarithmic axis as numbers."""
    axis.set_ticks(values, [f"{value:g}" for value in values])
    axis.set_minor_locator(matplotlib.ticker.NullLocator())


def save(figure, name):
    PLOTS.mkdir(exist_ok=True)
    path = PLOTS / f"{name}.svg"
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    small = re.sub(r"<metadata>.*?</metadata>\s*", "", text.getvalue(), flags=re.DOTALL)
    for long, short in ((r"\n\s+", "\n"), (r" \n(?=[LCQz])", " "), (r"<!--.*?-->\n", ""),
                        (r"'DejaVu Sans'[^\";]*", "'DejaVu Sans', Verdana, sans-serif")):
        small = re.sub(long, short, small)
    # Attributes with two decimals; the texts stay as they are.
    path.write_text(re.sub(r'"[^"]*"', lambda found: re.sub(r"(\d\.\d\d)\d+", r"\1", found[0]), small))
    print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB")


def mixing():
    trace = nominal()[0]
    figure, (left, right) = panels()
    for line, (colour, style) in LINES.items():
        steps = trace[f"mixing_{line}"][::3]
        hours = [i * 3 * 30 / 3600 for i in range(len(steps))]
        left.plot(hours, column(steps, "viscosity"), color=colour, linestyle=style, label=line)
        right.plot(hours, column(steps, "agglomerates"), color=colour, linestyle=style, label=line)
    left.set(xlabel="time (h)", ylabel="viscosity at 100 1/s (Pa·s)", yscale="log", title="Viscosity in the tank")
    right.set(xlabel="time (h)", ylabel="share of the carbon", ylim=(0, 1.05), title="Carbon not yet dispersed")
    for axes in (left, right):
        for i, (begin, end, name) in enumerate(((0, 2400, "binder"), (2400, 4800, "carbon"),
                                                (4800, 7800, "active material"))):
            axes.axvspan(begin / 3600, end / 3600, color="#000000", alpha=0.05 if i % 2 else 0.0, linewidth=0)
            axes.annotate(name, ((begin + end) / 7200, 0.02 if axes is right else 0.98),
                          xycoords=("data", "axes fraction"), ha="center", va="bottom" if axes is right else "top",
                          fontsize=8, color=GREY)
        axes.set_xlim(0, 7800 / 3600)
    plain_ticks(left.yaxis, (0.001, 0.01, 0.1))
    left.legend(loc="lower right")
    right.legend(loc="center left")
    save(figure, "mixing")


def coating():
    speeds = spread(0.02, 0.25, 29)
    figure, both = panels()
    for axes, line, colour in zip(both, LINES, (BLUE, VERMILION)):
        traces = nominal([{f"{line}_coating_params": {"coating_speed": speed}} for speed in speeds])
        last = [trace[f"coating_{line}"][-1] for trace in traces]
        least = column(last, "least_wet_thickness", 1e6)
        axes.fill_between(speeds, least, [237.5] * len(speeds), color=GREEN, alpha=0.15, linewidth=0,
                          label="coating window")
        axes.plot(speeds, least, color=GREEN, linestyle="-.", label="thinnest stable film")
        axes.plot(speeds, column(last, "wet_thickness", 1e6), color=colour, label="film at the default flow rate")
        axes.plot(0.05, 1e6 * nominal()[0][f"coating_{line}"][-1]["wet_thickness"], "ko", markersize=5, label="default")
        limit(axes, 237.5, "0.95 of the gap: the die weeps", place=0.4)
        axes.set(xscale="log", xlabel="coating speed (m/s)", ylabel="wet film (µm)", ylim=(0, 400),
                 title=f"{line.capitalize()}, gap 250 µm", xlim=(speeds[0], speeds[-1]))
        plain_ticks(axes.xaxis, (0.02, 0.05, 0.1, 0.2))
        axes.legend(loc="upper right")
    save(figure, "coating")


def drying():
    slow = nominal()[0]
    speeds = spread(0.04, 0.5, 29)
    traces = nominal([{f"{line}_drying_params": {"web_speed": speed} for line in LINES} for speed in speeds])
    figure, (left, middle, right) = panels(3)
    for line, (colour, style) in LINES.items():
        steps = slow[f"drying_{line}"]
        wet = steps[0]["wet_thickness"]
        time = list(range(0, 201, 2))
        share = [1.0] + column(steps[1::2], "residual_solvent")
        left.plot(time, [100 * s for s in share], color=colour, linestyle=style, label=line)
        middle.plot(time, [1e6 * wet] + column(steps[1::2], "dry_thickness", 1e6), color=colour, linestyle=style,
                    label=line)
        right.plot(speeds, [100 * trace[f"drying_{line}"][-1]["residual_solvent"] for trace in traces], color=colour,
                   linestyle=style, label=line)
    for speed in (0.05, 0.1, 0.2):
        limit(left, 10 / speed - (1 if speed == 0.05 else 0), f"dryer's end at {speed:g} m/s", "x", place=0.42)
    left.set(xlabel="time in the dryer (s)", ylabel="solvent left (%)", title="Solvent", xlim=(0, 212))
    middle.set(xlabel="time in the dryer (s)", ylabel="film (µm)", ylim=(0, None), title="Thickness", xlim=(0, 200))
    right.set(xscale="log", yscale="log", xlabel="web speed (m/s)", ylabel="solvent left at the end (%)",
              ylim=(1e-3, 130), xlim=(0.04, 0.5), title="Web speed")
    plain_ticks(right.xaxis, (0.05, 0.1, 0.2, 0.5))
    plain_ticks(right.yaxis, (0.001, 0.01, 0.1, 1, 10, 100))
    limit(right, 1, "1 %: rework", place=0.6, above=False)
    limit(right, 5, "5 %: scrap", place=0.02)
    middle.legend(loc="lower left")
    save(figure, "drying")


def calendering():
    gaps = even(45e-6, 110e-6, 40)
    figure, both = panels()
    for axes, line in zip(both, LINES):
        for pressure, (colour, style) in zip((0.5e6, 1e6, 2e6, 5e6), FOUR):
            traces = nominal([{f"{line}_calendaring_params": {"roll_gap": gap, "roll_pressure": pressure}}
                              for gap in gaps])
            axes.plot([gap * 1e6 for gap in gaps],
                      [100 * trace[f"calendaring_{line}"][-1]["porosity"] for trace in traces], color=colour,
                      linestyle=style, label=f"{pressure / 1e6:g} MPa")
        default = nominal()[0][f"calendaring_{line}"][-1]
        axes.plot(default["roll_gap"] * 1e6, default["porosity"] * 100, "ko", markersize=5, label="default, 5 MPa")
        axes.set(xlabel="roll gap (µm)", ylabel="porosity (%)", ylim=(15, 55), title=line.capitalize())
        axes.legend(loc="lower right", title="hydraulic pressure", title_fontsize=8)
    save(figure, "calendaring")


def slitting():
    speeds = spread(0.02, 2, 25)
    figure, both = panels()
    for axes, line in zip(both, LINES):
        for sharpness, (colour, style) in zip((2, 1, 0.5, 0.2), FOUR):
            traces = nominal([{f"{line}_slitting_params": {"slitting_speed": speed, "blade_sharpness": sharpness}}
                              for speed in speeds])
            axes.plot(speeds, [1e6 * trace[f"slitting_{line}"][-1]["burr_height"] for trace in traces], color=colour,
                      linestyle=style, label=f"sharpness {sharpness:g}")
        default = nominal()[0][f"slitting_{line}"][-1]["burr_height"] * 1e6
        axes.plot(0.1, default, "ko", markersize=5, label="default")
        limit(axes, 10, "10 µm: risk", place=0.02, above=False)
        limit(axes, 12.8, "12.8 µm, 0.8 of the separator: scrap", place=0.02)
        axes.set(xscale="log", xlabel="slitting speed (m/s)", ylabel="burr (µm)", ylim=(0, 26),
                 title=f"{line.capitalize()}, foil {'10 µm copper' if line == 'anode' else '15 µm aluminium'}")
        plain_ticks(axes.xaxis, (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2))
        axes.legend(loc="upper left")
    save(figure, "slitting")


def inspection():
    batches = 16

    def counted(field, values, cause):
        """Good cells and those that the test of either electrode takes, for every limit, in %."""
        bodies = [{f"{line}_inspection_params": {field: value} for line in LINES} | {"seed": 1 + i}
                  for value in values for i in range(batches)]
        rows = run(bodies=bodies, read="output")
        good, lost = [0.0] * len(values), [0.0] * len(values)
        for i, row in enumerate(rows):
            share = 100 / float(row["cells_started"]) / batches
            good[i // batches] += share * float(row["cells_good"])
            for entry in filter(None, row["scrap_causes"].split("; ")):
                name, count = entry.rsplit(": ", 1)
                if name.startswith("inspection_") and name.endswith(cause):
                    lost[i // batches] += share * float(count)
        return good, lost

    figure, both = panels()
    for axes, field, values, default, unit, scale, cause in (
            (both[0], "epsilon_width_max", even(0.05e-3, 0.3e-3, 11), 0.2, "mm", 1e3, "Pass_width"),
            (both[1], "epsilon_thickness_max", even(0.5e-6, 4e-6, 15), 2.5, "µm", 1e6, "Pass_thickness")):
        good, lost = counted(field, values, cause)
        scaled = [scale * value for value in values]
        axes.plot(scaled, good, color=GREEN, marker="o", markersize=3, label="good cells")
        axes.plot(scaled, lost, color=VERMILION, linestyle="--", marker="s", markersize=3,
                  label="rejected by this test")
        limit(axes, default, "default", "x", place=0.66)
        axes.set(xlabel=f"{field}, both electrodes ({unit})", ylabel="cells (%)", ylim=(0, 102),
                 title="Test of the " + cause.removeprefix("Pass_"))
        axes.legend(loc="center right", frameon=True, edgecolor="none", framealpha=1)
    save(figure, "inspection")


def rewinding():
    tensions = even(1, 70, 24)
    figure, (left, right) = panels()
    for taper, (colour, style) in zip((0, 0.3, 1), FOUR):
        traces = nominal([{"rewinding_params": {"initial_tension": tension, "tapering_steps": taper}}
                          for tension in tensions])
        left.plot(tensions, [trace["rewinding_cell"][-1]["roll_hardness"] / 1e3 for trace in traces], color=colour,
                  linestyle=style, label=f"taper {taper:g}, at mid radius")
        if taper == 0.3:
            left.plot(tensions, [trace["rewinding_cell"][-1]["core_pressure"] / 1e3 for trace in traces], color=GREY,
                      linestyle=":", label="taper 0.3, at the core")
            cell = traces[0]["rewinding_cell"][-1]
            width = cell["final_width"] * cell["final_thickness"]
            assert all(trace["rewinding_cell"][-1]["crushed_core"] == (tension > 3e6 * width)
                       for tension, trace in zip(tensions, traces))
            limit(left, 3e6 * width, "3 MPa in the web", "x", place=0.64)
    left.plot(20, nominal()[0]["rewinding_cell"][-1]["roll_hardness"] / 1e3, "ko", markersize=5, label="default")
    left.set(xlabel="initial tension (N)", ylabel="pressure between layers (kPa)", ylim=(0, 1250), xlim=(0, 72),
             title="Pressure in the roll")
    left.legend(loc="upper left")
    humidities = even(0, 30, 13)
    traces = nominal([{"rewinding_params": {"environment_humidity": humidity}} for humidity in humidities])
    moisture = [1e6 * trace["rewinding_cell"][-1]["moisture"] for trace in traces]
    right.plot(humidities, moisture, color=BLUE, label="water taken up")
    right.plot(0.5, 1e6 * nominal()[0]["rewinding_cell"][-1]["moisture"], "ko", markersize=5, label="default")
    limit(right, 10, "10 %: risk", "x", place=0.05)
    right.set(xlabel="relative humidity (%)", ylabel="water in the electrodes (ppm)", ylim=(0, None),
              title="Moisture")
    right.legend(loc="lower right")
    save(figure, "rewinding")


def filling():
    figure, axes = panels(1)
    for pressure, (colour, style) in zip((20, 200, 500, 1013.25), FOUR):
        steps = nominal([{"electrolyte_filling_params": {"vacuum_level": pressure, "vacuum_filling": pressure,
                                                         "soaking_time": 21600}}])[0]["electrolyte_filling_cell"]
        hours = [0.0] + [(i + 1) * 60 / 3600 for i in range(0, len(steps), 4)]
        axes.plot(hours, [0.0] + column(steps[::4], "eta_wetting", 100), color=colour, linestyle=style,
                  label=f"{pressure:.0f} mbar")
    axes.axhline(98, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    axes.annotate("dashed: 98 %, below it rework", (3.2, 76), fontsize=8, color=GREY)
    limit(axes, 9400 / 3600, "default", "x", place=0.05)
    axes.set(xlabel="soaking time (h)", ylabel="pores filled (%)", ylim=(0, 108), xlim=(0, 6),
             title="Wetting, the same pressure before and while filling")
    axes.legend(loc="lower right")
    save(figure, "electrolyte_filling")


def formation():
    currents = (0.25, 0.5, 1.0, 2.5)
    traces = nominal([{"formation_cycling_params": {"charge_current_A": current, "formation_duration_s": 200000}}
                      for current in currents])
    figure, (left, right) = panels()
    for current, trace, (colour, style) in zip(currents, traces, FOUR):
        steps = trace["formation_cycling_cell"]
        label = f"{current:g} A"
        chosen = steps[:: max(1, len(steps) // 140)] + steps[-1:]
        left.plot([step["charge_in_Ah"] - step["Capacity_Ah"] for step in chosen], column(chosen, "Voltage_V"),
                  color=colour, linestyle=style, label=label)
        keep = sorted({round(i) for i in spread(1, len(steps), 70)})
        right.plot([0] + [i / 60 for i in keep], [1.0] + [1e9 * steps[i - 1]["sei_thickness"] for i in keep],
                   color=colour, linestyle=style,
                   label=f"{label}, efficiency {100 * steps[-1]['sei_efficiency']:.1f} %")
    left.annotate("charge", (2.2, 3.95), fontsize=8, color=GREY)
    left.annotate("discharge", (2.6, 3.42), fontsize=8, color=GREY)
    left.set(xlabel="charge in the cell (Ah)", ylabel="voltage (V)", title="First charge and discharge")
    right.set(xlabel="time (h)", ylabel="SEI (nm)", ylim=(0, None), title="Growth of the SEI")
    left.legend(loc="lower right")
    right.legend(loc="lower right")
    save(figure, "formation_cycling")


def aging():
    figure, (left, right) = panels()
    temperatures = (15, 25, 35, 45)
    traces = nominal([{"aging_params": {"temperature": celsius + 273.15, "aging_time_days": 30}}
                      for celsius in temperatures])
    for celsius, trace, (colour, style) in zip(temperatures, traces, FOUR):
        steps = trace["aging_cell"]
        keep = [i for i in range(len(steps)) if i < 48 and i % 3 == 0 or i % 12 == 11]
        left.plot([(i + 1) / 24 for i in keep], [1e3 * steps[i]["Final_OCV_V"] for i in keep], color=colour,
                  linestyle=style, label=f"{celsius} °C")
    left.set(xlabel="time (d)", ylabel="open-circuit voltage (mV)", title="Storage at 50 % state of charge", xlim=(0, 30))
    left.legend(loc="lower left")
    charges = even(0.05, 1.0, 39)
    for celsius, (colour, style) in zip(temperatures, FOUR):
        lost = []
        for charge in charges:
            with tempfile.NamedTemporaryFile("w", suffix=".json") as design:
                json.dump({"aging_charge": charge}, design)
                design.flush()
                body = {"aging_params": {"temperature": celsius + 273.15}}
                row = run("--noise", "off", "--cells", 1, "--cell", design.name, bodies=[body], read="output")[0]
            lost.append(float(row["self_discharge_mV_per_day"]))
        right.plot([100 * charge for charge in charges], lost, color=colour, linestyle=style, label=f"{celsius} °C")
    right.set(xlabel="state of charge stored at (%)", ylabel="self-discharge (mV/day)", yscale="log",
              title="Self-discharge after 10 days")
    plain_ticks(right.yaxis, (0.01, 0.1, 1))
    right.legend(loc="upper center")
    save(figure, "aging")


def population():
    rows = run("--batches", 100, "--per-cell", read="output")
    good = [row for row in rows if row["good"] == "true"]
    capacity = [float(row["capacity_Ah"]) for row in good]
    first = [float(row["capacity_Ah"]) for row in good if row["batch"] == "0"]
    figure, (left, right) = panels(2, 3.3)
    edges = even(5.02, 5.16, 57)
    left.hist(capacity, edges, density=True, color=SKY, histtype="stepfilled", label=f"{len(capacity)} cells of 100 batches")
    left.hist(first, edges[::2], density=True, color=VERMILION, histtype="step", linewidth=1.6,
              label=f"{len(first)} cells of the first batch")
    left.set(xlabel="capacity (Ah)", ylabel="density (1/Ah)", title="Good cells", xlim=(5.02, 5.16))
    left.set_xticks([5.04, 5.08, 5.12, 5.16])
    left.set_ylim(0, left.get_ylim()[1] * 1.3)
    left.legend(loc="upper left")

    def share(name, result):
        """Squared correlation, as the report of `simulate` gives it."""
        x = [float(row[name]) for row in good]
        y = [float(row[result]) for row in good]
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        xx = sum((a - mean_x) ** 2 for a in x)
        yy = sum((b - mean_y) ** 2 for b in y)
        xy = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y))
        return 100 * xy * xy / (xx * yy) if xx > 0 else 0

    names = list(rows[0])[list(rows[0]).index("mass_g") + 1:]
    shares = {name: (share(name, "capacity_Ah"), share(name, "internal_resistance_mOhm")) for name in names}
    shown = sorted(shares, key=lambda name: max(shares[name]))[-9:]
    for i, (result, colour) in enumerate((("capacity", BLUE), ("internal resistance", ORANGE))):
        right.barh([place + (0.2 if i == 0 else -0.2) for place in range(len(shown))],
                   [shares[name][i] for name in shown], 0.38, color=colour, label=result)
    right.set_yticks(range(len(shown)), shown)
    right.grid(False, axis="y")
    right.set(xlabel="squared correlation (%)", title="What the spread follows")
    right.legend(loc="lower right")
    save(figure, "population")


PICTURES = {"mixing": mixing, "coating": coating, "drying": drying, "calendaring": calendering, "slitting": slitting,
            "inspection": inspection, "rewinding": rewinding, "electrolyte_filling": filling,
            "formation_cycling": formation, "aging": aging, "population": population}


def main(arguments):
    global TWIN
    if arguments and arguments[0] not in PICTURES:
        TWIN = arguments.pop(0)
    for name in arguments or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
