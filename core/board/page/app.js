// The page: takes the run from the file or the server, and draws it at the time of the slider.
import {clockText, element, replaceChildren, secondsText} from "./format.js";
import {Run, stateWords} from "./state.js";
import {Timeline} from "./timeline.js";
import {drawMap, mapChoices} from "./map.js";
import {drawPlatform} from "./platform.js";
import {drawAccuracy, drawAlarms, drawComparison, drawFigures, drawLog, drawNames, drawNodes, drawRounds, drawWaits,
    selectedNodes} from "./views.js";
import {Retry, fetchJson, follow, showLink} from "./link.js";
import {drawMembers, drawNetwork, drawPhases, drawScalar, scalarNames} from "./panels.js";

const by = (id) => document.getElementById(id);
const steps = 1000; // of the slider

class Page {
    constructor(data) {
        this.runs = data.runs.map((run) => new Run(run));
        this.comparison = data.comparison ?? null;
        this.chosen = this.runs.length - 1; // the real run stands behind its rehearsal
        this.us = null; // null: the end, also while it moves
        this.playing = null;
        this.timeline = new Timeline(by("timeline"), by("tip"), (us) => this.seek(us));
        document.title = `${data.title} – Starling`;
        by("title").textContent = data.title;
        this.listen();
        this.drawChoice();
        this.draw();
        by("link").textContent = "";
    }

    get run() {
        return this.runs[this.chosen];
    }
    get time() {
        return this.us ?? this.run.end;
    }

    listen() {
        by("slider").addEventListener("input", (event) => {
            const at = Number(event.target.value);
            this.seek(at >= steps ? null : at / steps * this.run.end);
        });
        by("play").addEventListener("click", () => this.play());
        by("end").addEventListener("click", () => this.seek(null));
        for (const id of ["search", "role", "log-node", "log-filter", "axis", "curve", "map-of", "map-span", "scalar-name",
            "scalar-axis"]) {
            by(id).addEventListener("input", () => this.draw());
        }
        by("theme").addEventListener("click", () => {
            const dark = by("dark");
            dark.media = matchMedia(dark.media).matches ? "not all" : "all";
            this.draw();
        });
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
        new ResizeObserver(() => this.later()).observe(by("timeline").parentElement);
    }

    /// Shows a panel if there is, or may still be, something in it. It stays: nothing below it moves.
    place(id, wanted) {
        if (wanted) {
            this.placed.add(id);
        }
        by(id).hidden = !this.placed.has(id);
    }

    drawChoice() {
        this.placed = new Set();
        by("runs").hidden = this.runs.length < 2;
        replaceChildren(by("runs"), this.runs.map((run, i) => {
            const button = element("button", {type: "button", "aria-pressed": String(i === this.chosen), text: run.label});
            button.addEventListener("click", () => {
                this.chosen = i;
                this.us = null;
                this.drawChoice();
                this.draw();
            });
            return button;
        }));
    }

    seek(us) {
        this.us = us === null || us >= this.run.end ? null : us;
        this.later();
    }

    /// Replays the run from the slider on, in half a minute at most.
    play() {
        if (this.playing !== null) {
            this.stop();
            return;
        }
        const begin = this.us ?? 0;
        const speed = Math.max(1, this.run.end / 30e6) * Number(by("speed").value);
        const started = performance.now();
        by("play").textContent = "Pause";
        const step = () => {
            const us = begin + (performance.now() - started) * 1000 * speed;
            this.seek(us);
            if (us >= this.run.end) {
                this.stop();
            } else {
                this.playing = requestAnimationFrame(step);
            }
        };
        this.playing = requestAnimationFrame(step);
    }

    stop() {
        cancelAnimationFrame(this.playing);
        this.playing = null;
        by("play").textContent = "Replay";
    }

    /// Draws once before the next picture, however often it is called.
    later() {
        this.pending ??= requestAnimationFrame(() => {
            this.pending = undefined;
            this.draw();
        });
    }

    draw() {
        const {run, time} = this;
        const kinds = {recorded: "recorded", simulated: "simulated", live: "live"};
        by("kind").textContent = this.us === null ? kinds[run.kind] ?? run.kind : `replay, ${kinds[run.kind] ?? run.kind}`;
        by("slider").value = String(Math.round(time / run.end * steps));
        by("slider").setAttribute("aria-valuetext", clockText(time));
        by("clock").textContent = `${clockText(time)} of ${clockText(run.end)}`;
        drawWaits(by("waits"), run, time);
        drawFigures(by("figures"), run, time);
        const roles = by("role").value === "" ? null : new Set(by("role").value.split(" "));
        const nodes = selectedNodes(run, time, by("search").value, roles);
        this.timeline.draw(run, nodes, time);
        drawLegend(run);
        drawNodes(by("nodes"), by("nodes-note"), nodes, run, time);
        drawRounds(by("rounds"), by("rounds-note"), run, time);
        drawAlarms(by("alarms"), run, time);
        drawNames(by("log-names"), run);
        drawLog(by("log"), by("log-note"), run, time, by("log-node").value, by("log-filter").value);
        this.place("map-panel", this.drawMapOf(run, time) || !run.over);
        this.place("network-panel", !run.over || run.roundList.some((round) => round.sent_bytes > 0));
        this.place("loss-panel", !run.over || run.losses.length > 0 || run.accuracies.length > 0);
        drawMembers(by("loss"), by("loss-legend"), run, time, by("axis").value, by("curve").value);
        const names = scalarNames(run);
        this.place("scalars-panel", names.length > 0 || !run.over);
        const chosen = drawOptions(by("scalar-name"), names);
        drawScalar(by("scalars"), by("scalars-legend"), run, time, by("scalar-axis").value, chosen);
        drawPhases(by("phases"), run, time);
        drawNetwork(by("network"), run, time);
        by("accuracy-panel").hidden = !drawAccuracy(by("accuracy"), this.runs, this.comparison);
        by("comparison-panel").hidden = !drawComparison(by("comparison-head"), by("comparison"), this.runs, this.comparison);
        by("gaps").textContent = gapsText(run);
        by("gaps").hidden = by("gaps").textContent === "";
        document.body.dataset.version = String(run.version);
    }

    /// \return false if nothing has moved yet
    drawMapOf(run, time) {
        const words = {members: "members", hosts: "hosts", links: "links of the platform"};
        const what = drawOptions(by("map-of"), mapChoices(run), words);
        const parts = {picture: by("map"), head: by("map-head"), body: by("map-links"), note: by("map-note")};
        const span = by("map-span").value;
        return what === "links" ? drawPlatform(parts, run, time, span) : drawMap(parts, run, time, span, what);
    }
}

/// Offers the names, if they are others than before, by their `words`. \return the chosen one
function drawOptions(select, names, words = {}) {
    if (names.join(" ") !== [...select.options].map((option) => option.value).join(" ")) {
        const before = select.value;
        replaceChildren(select, names.map((name) => element("option", {value: name, text: words[name] ?? name})));
        select.value = names.includes(before) ? before : names[0] ?? "";
    }
    return select.value;
}

/// What the picture lacks.
function gapsText(run) {
    const parts = [];
    const lost = run.server_lost_us >= 0 ? `No SN answers since ${clockText(run.server_lost_us)}: what is shown is its last answer. ` : "";
    if (run.unreadable_lines > 0) {
        parts.push(`${run.unreadable_lines} lines of the traces could not be read`);
    }
    if (run.spansFrom > 0 || run.roundsFrom > 0) {
        parts.push("the oldest part of this long run is no longer kept");
    }
    return lost + (parts.length === 0 ? "" : `Not complete: ${parts.join("; ")}.`);
}

function drawLegend(run) {
    const seen = new Set([...run.spans.values()].map((span) => span.state));
    replaceChildren(by("legend"), Object.entries(stateWords).filter(([state]) => seen.has(state)).map(([state, words]) => element("li", {},
        element("span", {class: `dot fill-${state}`, "aria-hidden": "true"}), element("span", {text: words}))));
}

async function load(retry) {
    let answers;
    try {
        answers = await Promise.all(["api/run", "api/beside"].map((place) => fetchJson(place)));
    } catch (error) {
        showLink(`no answer (${error.message}): tries again`, true);
        retry.failed();
        return;
    }
    const [run, beside] = answers;
    follow(new Page({title: run.title ?? "Swarm", runs: beside ? [beside, run] : [run]}));
}

function withErrorShown(show) {
    return async () => {
        try {
            await show();
        } catch (error) {
            showLink(`This page can't be shown: ${error.message}`, true);
            throw error;
        }
    };
}

const inside = by("data").textContent;
if (inside.trim() !== "") {
    withErrorShown(() => new Page(JSON.parse(inside)))();
} else {
    const retry = new Retry(withErrorShown(() => load(retry)));
    retry.action();
}
