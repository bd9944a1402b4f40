// The charts of a run: loss, reported values, rounds by phase, use of the network.
import {lineChart, stackedBars} from "./charts.js";
import {bytesText, element, median, percentText, replaceChildren, secondsText} from "./format.js";

const linesMax = 8;
const barsMax = 120;

function show(parent, chart, otherwise) {
    replaceChildren(parent, [chart ?? element("p", {class: "none", text: otherwise})]);
}

/// What stands on the x axis of a curve: of each point (node, round, us, value).
function axisOf(name, run) {
    if (name === "time") {
        return {label: "time", value: (point) => point[2] / 1e6, text: secondsText, whole: false};
    }
    if (name === "bytes") {
        const sums = new Map();
        let sum = 0;
        for (const round of run.roundList) {
            sums.set(round.round, sum);
            sum += round.sent_bytes;
        }
        return {label: "parameters exchanged by all", value: (point) => sums.get(point[1]) ?? 0, text: bytesText,
            whole: false};
    }
    return {label: "round", value: (point) => point[1], text: String, whole: true};
}

/// Loss or accuracy of the members. \param what  "loss" or "accuracy"
export function drawMembers(parent, legend, run, us, axisName, what) {
    const accuracy = what === "accuracy";
    const points = (accuracy
        ? run.accuracies.map((item) => [item.node, item.round, item.us, item.correct / item.samples])
        : run.losses.map(([node, round, at, millionths]) => [node, round, at, millionths / 1e6]))
        .filter((point) => point[2] <= us);
    drawCurves(parent, legend, points, axisOf(axisName, run), run,
        accuracy ? {label: "Accuracy of the members", yText: percentText} : {label: "Loss of the members"},
        accuracy ? "No program has reported an accuracy." : "No member has reported a loss.");
}

/// Names of the values that the programs have reported so far, each once, in order.
export function scalarNames(run) {
    return [...new Set(run.scalars.map((point) => point[1]))].sort();
}

export function drawScalar(parent, legend, run, us, axisName, name) {
    const points = run.scalars.filter((point) => point[1] === name && point[3] <= us && point[4] !== null)
        .map(([node, , round, at, value]) => [node, round, at, value]);
    drawCurves(parent, legend, points, axisOf(axisName, run), run, {label: `${name} of the members`, fromZero: false},
        name === "" ? "No program has reported a value by name." : "No member has reported a finite value yet.");
}

/// One line a node, or of many nodes the median between lowest and highest.
function drawCurves(parent, legend, points, axis, run, more, otherwise) {
    const byNode = grouped(points);
    const options = {x: axis.label, xText: axis.text, wholeX: axis.whole,
        yText: (value) => String(Number(value.toPrecision(3))), ...more};
    let series;
    if (byNode.size <= linesMax) {
        series = [...byNode].map(([node, list], i) => ({name: run.nodes[node].name, color: `s${i}`,
            points: list.map((point) => [axis.value(point), point[3]])}));
    } else {
        const byRound = [...grouped(points, (point) => point[1])].sort((a, b) => a[0] - b[0]);
        const x = (list) => median(list.map(axis.value));
        options.band = byRound.map(([, list]) => [x(list), Math.min(...list.map((point) => point[3])),
            Math.max(...list.map((point) => point[3]))]);
        series = [{name: `median of ${byNode.size} members, lowest to highest`, color: "s0",
            points: byRound.map(([, list]) => [x(list), median(list.map((point) => point[3]))])}];
    }
    show(parent, lineChart(series, options), otherwise);
    replaceChildren(legend, series.map((line) => element("li", {},
        element("span", {class: `dot fill-${line.color}`, "aria-hidden": "true"}), element("span", {text: line.name}))));
}

function grouped(points, key = (point) => point[0]) {
    const groups = new Map();
    for (const point of points) {
        const group = groups.get(key(point)) ?? [];
        group.push(point);
        groups.set(key(point), group);
    }
    return groups;
}

/// Seconds of each committed round: until the first check-in, until all are here, until the commit.
function phases(run, us) {
    const done = run.committedUntil(us).filter((round) => round.frozen_us >= 0 && round.first_check_in_us >= 0);
    return done.map((round, i) => {
        const before = i > 0 && done[i - 1].contract === round.contract && done[i - 1].run === round.run
            ? done[i - 1].committed_us : round.first_check_in_us;
        return {round, train: Math.max(0, round.first_check_in_us - before) / 1e6,
            wait: Math.max(0, round.frozen_us - round.first_check_in_us) / 1e6,
            exchange: Math.max(0, round.committed_us - round.frozen_us) / 1e6};
    });
}

export function drawPhases(parent, run, us) {
    const bars = phases(run, us).slice(-barsMax).map(({round, train, wait, exchange}) => ({x: round.round,
        parts: [["training", train], ["waiting", wait], ["exchanging", exchange]],
        title: `Round ${round.round}: training ${secondsText(train)}, waiting for members ${secondsText(wait)}, ` +
            `exchange and commit ${secondsText(exchange)}`}));
    show(parent, stackedBars(bars, {label: "Duration of each round by phase", x: "round", xText: String,
        wholeX: true, yText: secondsText}), "No round is committed yet.");
}

export function drawNetwork(parent, run, us) {
    const points = phases(run, us).filter((phase) => phase.exchange > 0)
        .map(({round, exchange}) => [round.round, round.sent_bytes / exchange]);
    show(parent, points.some((point) => point[1] > 0) ? lineChart([{name: "rate", color: "s0", points}],
        {label: "Parameters a second during the exchange", x: "round", xText: String, wholeX: true,
            yText: (value) => `${bytesText(value)}/s`}) : null, "No transfer is known.");
}
