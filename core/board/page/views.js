// The parts of the page that show a run at one time: sentences, tables and lists.
import {certificateDays, daysText, timeToEnd} from "./forecast.js";
import {bytesText, clockText, countText, element, median, percentText, replaceChildren, secondsText} from "./format.js";
import {stateWords, troubled} from "./state.js";

const tableRowsMax = 200;
const daysWarned = 30;

function cells(row, texts) {
    row.append(...texts.map((text) => element("td", {text})));
    return row;
}

/// Who waits for whom, and since when.
export function drawWaits(parent, run, us) {
    const waits = run.waitsAt(us);
    const many = run.contracts.length > 1;
    replaceChildren(parent, waits.length === 0 ? [element("p", {text: "No member has joined yet."})]
        : waits.map((wait) => {
            const over = wait.text.startsWith("The ") && !wait.text.startsWith("The members");
            const since = over ? ` (at ${clockText(wait.since_us)})`
                : ` Since ${secondsText((us - wait.since_us) / 1e6)}.`;
            return element("p", {}, many ? element("b", {text: `${wait.contract}: `}) : null,
                element("span", {text: wait.text + since}));
        }));
}

/// Also those before a live run was joined: the numbers of a run's rounds begin at 0.
function countRounds(rounds) {
    const latest = new Map();
    for (const round of rounds) {
        const key = JSON.stringify([round.contract, round.run]);
        latest.set(key, Math.max(latest.get(key) ?? 0, round.round + 1));
    }
    return [...latest.values()].reduce((sum, count) => sum + count, 0);
}

/// The figures of a run so far.
export function drawFigures(parent, run, us) {
    const rounds = run.committedUntil(us);
    const last = rounds[rounds.length - 1];
    const bytes = rounds.reduce((sum, round) => sum + round.sent_bytes, 0);
    const members = run.contracts.reduce((sum, contract) => sum + contract.members, 0);
    const nodes = run.nodes.filter((node) => node?.role);
    const trouble = nodes.filter((node) => troubled.has(run.spanAt(node.index, us)?.state)).length;
    const held = nodes.filter((node) => node.seat === "held" || node.seat === "in grace").length;
    const days = nodes.map((node) => certificateDays(node, run, us)).filter((count) => count !== null);
    const first = Math.min(...days);
    const figures = [
        ["Time", clockText(us)],
        ["Time to the end", timeToEnd(run, us)],
        ["Rounds committed", String(countRounds(rounds))],
        ["Members, last round", String(last?.members ?? members)],
        ["Leader of the SNs", run.leaderAt(us) || "none"],
        ["Parameters exchanged", bytes > 0 || run.kind !== "live" ? bytesText(bytes) : "not known yet"],
        ["Newest digest", last?.digest.slice(0, 12) || "none"],
        ["Nodes in trouble", String(trouble), trouble > 0],
        ...(run.licence ? seatFigures(run.licence) : nodes.some((node) => node.seat !== "") ? [["Licence seats held", String(held)]] : []),
        ...(days.length > 0 ? [["Certificates expire", first < 0 ? "expired" : `in ${daysText(first)}`, first < daysWarned]] : []),
    ];
    replaceChildren(parent, figures.map(([name, value, bad]) => element("div", {class: bad ? "figure bad" : "figure"},
        element("dt", {text: name}), element("dd", {text: value}))));
}

/// The seats of each role, and what is wrong with the licence.
function seatFigures(licence) {
    const wrong = !licence.answers ? "no answer" : licence.valid ? "" : "not valid today";
    return [...licence.seats.map(([role, taken, all]) => [`Seats taken, ${role.toUpperCase()}`, `${taken} of ${all}`]),
        ...(wrong === "" ? [] : [["Licence server", wrong, true]])];
}

function matches(node, run, us, text) {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const state = run.spanAt(node.index, us)?.state ?? "";
    const all = `${node.name} ${node.role} ${state} ${stateWords[state] ?? ""} ${node.contract}`.toLowerCase();
    return words.every((word) => all.includes(word));
}

/// Nodes that fit a search.
export function selectedNodes(run, us, text, roles) {
    return run.sortedNodes().filter((node) => (!roles || roles.has(node.role)) && matches(node, run, us, text));
}

function signOfLife(node, span, run, us) {
    if (us < run.end || ["ended", "failed"].includes(span?.state)) {
        return span ? `${clockText(span.from)}` : "";
    }
    return `${secondsText(Math.max(0, us - node.last_us) / 1e6)} ago`;
}

export function drawNodes(body, note, nodes, run, us) {
    const leader = run.leaderAt(us);
    const urgent = (node) => (troubled.has(run.spanAt(node.index, us)?.state) ? 0 : 1);
    const sorted = nodes.length > tableRowsMax ? [...nodes].sort((a, b) => urgent(a) - urgent(b)) : nodes;
    replaceChildren(body, sorted.slice(0, tableRowsMax).map((node) => {
        const span = run.spanAt(node.index, us);
        const state = span?.state ?? "starting";
        const role = {sn: "SN", sl: "SL", ml: "ML", apls: "licence server", tool: "tool"}[node.role] ?? "";
        const row = cells(element("tr", {class: troubled.has(state) ? "bad" : ""}), [node.name,
            node.role === "sn" && node.name === leader ? `${role}, leader` : role]);
        row.append(element("td", {}, element("span", {class: `dot fill-${state}`, "aria-hidden": "true"}),
            element("span", {text: span ? stateWords[state] : "not started"})));
        const member = node.role === "sl" || node.role === "ml";
        cells(row, [span && !["ended", "failed"].includes(state) ? secondsText((us - span.from) / 1e6) : "",
            member ? String(span?.round ?? "") : "", signOfLife(node, span, run, us),
            ...[node.sent_bytes, node.received_bytes].map((bytes) => (bytes > 0 && us >= run.end ? bytesText(bytes) : "")),
            node.seat]);
        const days = certificateDays(node, run, us);
        row.append(element("td", {class: days !== null && days < daysWarned ? "bad" : "",
            text: days === null ? "" : daysText(days)}));
        return row;
    }));
    note.textContent = nodes.length > tableRowsMax
        ? `${tableRowsMax} of ${nodes.length} are shown, those in trouble first. Search for others.`
        : countText(nodes.length, "node");
}

export function drawRounds(body, note, run, us) {
    const rounds = run.roundList.filter((round) => round.first_check_in_us >= 0 && round.first_check_in_us <= us);
    const shown = rounds.slice(-tableRowsMax).reverse();
    const between = (from, to) => (from >= 0 && to >= from && to <= us ? secondsText((to - from) / 1e6) : "");
    replaceChildren(body, shown.map((round) => {
        const done = round.committed_us >= 0 && round.committed_us <= us;
        const exchange = (round.committed_us - round.frozen_us) / 1e6;
        return cells(element("tr", {}), [
            `${run.contracts.length > 1 ? `${round.contract} ` : ""}${round.round}${round.final && done ? ", final" : ""}`,
            done ? "committed" : round.frozen_us >= 0 && round.frozen_us <= us ? "exchanging" : "gathering",
            round.members > 0 ? String(round.members) : "", String(round.attempt + 1),
            between(round.first_check_in_us, round.frozen_us), between(round.frozen_us, round.committed_us),
            done && round.sent_bytes > 0 ? bytesText(round.sent_bytes) : "",
            done && exchange > 0 && round.sent_bytes > 0 ? `${bytesText(round.sent_bytes / exchange)}/s` : "",
            done ? round.digest.slice(0, 12) : ""]);
    }));
    note.textContent = rounds.length > tableRowsMax ? `the newest ${tableRowsMax} of ${rounds.length}` : "";
}

function noteItem(note, run) {
    const node = run.nodes[note.node]?.name ?? "";
    const again = note.count > 1 ? ` (${note.count} times)` : "";
    return element("li", {class: `level-${note.level.toLowerCase()}`},
        element("time", {text: clockText(note.us)}), element("b", {text: node}),
        element("span", {text: note.text + again}));
}

/// The newest lines up to `us` of nodes whose name contains `node` (or is it, if there is such a node),
/// and that contain `text`.
export function drawLog(list, note, run, us, node, text) {
    const wanted = text.toLowerCase();
    const exact = run.nodes.some((other) => other?.name === node);
    const part = node.toLowerCase();
    const named = (name) => (exact ? name === node : name.toLowerCase().includes(part));
    const lines = [...run.log.values()].filter((line) => line.us <= us &&
        line.text.toLowerCase().includes(wanted) && named(run.nodes[line.node]?.name ?? ""));
    replaceChildren(list, lines.slice(-tableRowsMax).reverse().map((line) => noteItem(line, run)));
    const dropped = run.logFrom > 0 ? `; ${countText(run.logFrom, "older line")} not kept` : "";
    note.textContent = `${countText(lines.length, "line")}, newest first` +
        (lines.length > tableRowsMax ? `; ${tableRowsMax} are shown` : "") + dropped;
}

export function drawAlarms(list, run, us) {
    const alarms = [...run.alarms.values()].filter((alarm) => alarm.us <= us);
    replaceChildren(list, alarms.length === 0 ? [element("li", {class: "none", text: "None."})]
        : alarms.slice(-tableRowsMax).reverse().map((alarm) => noteItem(alarm, run)));
}

/// The names to choose from, if there are not too many.
export function drawNames(list, run) {
    const names = run.sortedNodes().map((node) => node.name).slice(0, tableRowsMax);
    if (list.children.length !== names.length) {
        replaceChildren(list, names.map((value) => element("option", {value})));
    }
}

const rows = [
    ["Rounds", (run) => String(run.rounds), (run) => run.rounds],
    ["Time per round (median)", (run) => secondsText(run.round_seconds), (run) => run.round_seconds],
    ["  of it exchange and merge", (run) => secondsText(run.merge_seconds), (run) => run.merge_seconds],
    ["Time in all", (run) => secondsText(run.total_seconds), (run) => run.total_seconds],
    ["Parameters exchanged", (run) => bytesText(run.exchanged_bytes), (run) => run.exchanged_bytes],
    ["Final digest", (run) => run.committed_digest.slice(0, 12), null],
];

/// The figures of a run that two runs are compared by.
function figuresOf(run) {
    const rounds = run.committedUntil(run.end);
    const last = rounds[rounds.length - 1];
    const steps = [];
    for (let i = 1; i < rounds.length; i += 1) {
        if (rounds[i].contract === rounds[i - 1].contract && rounds[i].run === rounds[i - 1].run) {
            steps.push((rounds[i].committed_us - rounds[i - 1].committed_us) / 1e6);
        }
    }
    return {rounds: countRounds(rounds), round_seconds: median(steps) ?? 0,
        merge_seconds: median(rounds.filter((round) => round.frozen_us >= 0)
            .map((round) => (round.committed_us - round.frozen_us) / 1e6)) ?? 0,
        total_seconds: (last?.committed_us ?? 0) / 1e6,
        exchanged_bytes: rounds.reduce((sum, round) => sum + round.sent_bytes, 0), committed_digest: last?.digest ?? ""};
}

/// Two runs beside each other: prediction and measurement, or whatever is given. \return false if there
/// is one alone.
export function drawComparison(head, body, runs, comparison) {
    if (!(comparison?.predicted && comparison?.measured) && runs.length < 2) {
        return false;
    }
    const first = comparison?.predicted ?? figuresOf(runs[0]);
    const second = comparison?.measured ?? figuresOf(runs[1]);
    replaceChildren(head, ["", runs[0].label, runs[1]?.label ?? "real run", "ratio"].map((text) => element("th", {text})));
    replaceChildren(body, rows.map(([name, text, number]) => {
        const same = text(first) === text(second);
        const ratio = number && number(second) > 0 ? (number(first) / number(second)).toFixed(3) : "";
        return cells(element("tr", {}), [name, text(first), text(second), number ? ratio : same ? "same" : "differs"]);
    }));
    return true;
}

/// Final accuracy of each owner alone and with the swarm, as bars. \return false if none is known.
export function drawAccuracy(parent, runs, comparison) {
    const bars = [];
    const classes = comparison?.classes ?? 0;
    if (classes > 0) {
        bars.push(["by guessing", 1 / classes, "alone"]);
    }
    for (const [name, share] of Object.entries(comparison?.alone ?? {})) {
        bars.push([`${name} alone`, share, "alone"]);
    }
    for (const run of runs) {
        const last = new Map(run.accuracies.map((item) => [item.node, item]));
        for (const item of [...last.values()].slice(0, 12)) {
            const label = runs.length > 1 ? `, ${run.label}` : "";
            bars.push([`${run.nodes[item.node].name} in the swarm${label}`, item.correct / item.samples, "swarm"]);
        }
    }
    replaceChildren(parent, bars.map(([name, share, kind]) => {
        const bar = element("span", {class: `bar fill-${kind}`});
        bar.style.width = `${Math.min(100, share * 100)}%`;
        return element("div", {class: "bars"}, element("span", {class: "name", text: name}),
            element("span", {class: "track"}, bar), element("span", {class: "value", text: percentText(share)}));
    }));
    return bars.length > 0;
}
