// Who sent how many bytes of parameters to whom: members or hosts on a circle, a line for each direction. Above
// many members these are sites, or blocks of members in the order of their names.
import {bytesText, countText, element, percentText, replaceChildren, svg} from "./format.js";

const singleMax = 24; // members that are shown one by one
const blocksMax = 20;
const mapLinesMax = 160;
const rowsMax = 12;
export const buckets = 24; // of the use over time
export const mapSize = {width: 760, height: 460, radius: 165};

/// What the map can show of the run.
export function mapChoices(run) {
    const hosts = new Set(run.nodes.filter((node) => node?.role === "sl" && node.host).map((node) => node.host));
    return ["members", ...(hosts.size > 1 && hosts.size <= singleMax ? ["hosts"] : []), ...(run.routes.length > 0 ? ["links"] : [])];
}

export function headCells(texts) {
    return texts.map((text) => element("th", {text}));
}

/// The circle's places: {label, nodes}, and of each node its place.
function places(run, what) {
    const members = run.sortedNodes().filter((node) => node.role === "sl");
    let groups;
    if (what === "hosts") {
        const names = [...new Set(members.map((node) => node.host || "no host"))];
        groups = names.map((label) => ({label, nodes: members.filter((node) => (node.host || "no host") === label)}));
    } else if (members.length <= singleMax) {
        groups = members.map((node) => ({label: node.name, nodes: [node]}));
    } else {
        const sites = new Map();
        for (const node of members) {
            const list = sites.get(node.site || "no site") ?? [];
            list.push(node);
            sites.set(node.site || "no site", list);
        }
        if (sites.size > 1 && sites.size <= singleMax) {
            groups = [...sites].map(([label, nodes]) => ({label: `${label} (${nodes.length})`, nodes}));
        } else {
            const length = Math.ceil(members.length / blocksMax);
            groups = Array.from({length: Math.ceil(members.length / length)}, (_, i) => {
                const nodes = members.slice(i * length, (i + 1) * length);
                return {label: `${nodes[0].name} to ${nodes[nodes.length - 1].name}`, nodes};
            });
        }
    }
    const placeOf = new Map(groups.flatMap((group, i) => group.nodes.map((node) => [node.index, i])));
    return {groups, placeOf};
}

/// The beginning of what is shown: of the run, or after the last commit but one.
export function beginOf(run, us, span) {
    if (span === "run") {
        return null;
    }
    const done = run.committedUntil(us);
    return done.length < 2 ? 0 : done[done.length - 2].committed_us;
}

/// Bytes between two places, both directions apart, and their times.
function links(run, us, begin, placeOf) {
    const found = new Map();
    let several = 0;
    const add = (from, to, bytes, at) => {
        const [a, b] = [placeOf.get(from), placeOf.get(to)];
        if (b === undefined) {
            return;
        }
        if (a === undefined) {
            several += bytes;
            return;
        }
        const key = `${a}>${b}`;
        const link = found.get(key) ?? {from: a, to: b, bytes: 0, over: new Float64Array(buckets)};
        link.bytes += bytes;
        if (at !== null) {
            const share = (at - (begin ?? 0)) / Math.max(1, us - (begin ?? 0));
            link.over[Math.min(buckets - 1, Math.floor(share * buckets))] += bytes;
        }
        found.set(key, link);
    };
    for (const {from, to, bytes} of begin === null ? run.linksBefore.values() : []) {
        add(from, to, bytes, null);
    }
    for (const {from, to, us: at, bytes} of run.transfers.values()) {
        if (at <= us && (begin === null || at > begin)) {
            add(from, to, bytes, at);
        }
    }
    return {list: [...found.values()].sort((a, b) => b.bytes - a.bytes), several};
}

/// A small picture of when the bytes came.
export function spark(link) {
    const most = Math.max(...link.over);
    const bars = [...link.over].map((bytes, i) => svg("rect", {x: i * 4, width: 3, y: 16 - bytes / most * 16,
        height: bytes / most * 16, class: "fill-s0"}));
    return svg("svg", {viewBox: `0 0 ${buckets * 4} 16`, class: "spark", role: "img",
        "aria-label": "when the bytes came"}, ...(most > 0 ? bars : []));
}

/// \return false if no transfer is known
export function drawMap({picture: parent, head, body, note}, run, us, span, what) {
    replaceChildren(head, headCells(["from", "to", "bytes", "share", "over time"]));
    if (run.transfers.size === 0 && run.linksBefore.size === 0) {
        replaceChildren(parent, []);
        replaceChildren(body, []);
        note.textContent = run.over ? "No transfer is known." : "No member has received parameters yet.";
        return false;
    }
    const begin = beginOf(run, us, span);
    const {groups, placeOf} = places(run, what);
    const {list, several} = links(run, us, begin, placeOf);
    const between = list.filter((link) => link.from !== link.to);
    const total = list.reduce((sum, link) => sum + link.bytes, 0);
    replaceChildren(parent, [picture(groups, list, between, run, us)]);
    replaceChildren(body, list.slice(0, rowsMax).map((link) => {
        const row = element("tr", {}, ...[groups[link.from].label, groups[link.to].label, bytesText(link.bytes),
            percentText(link.bytes / total)].map((text) => element("td", {text})));
        row.append(element("td", {}, spark(link)));
        return row;
    }));
    const single = groups.every((group) => group.nodes.length === 1);
    const kind = what === "hosts" ? "between hosts" : single ? "between members" : "of groups";
    note.textContent = `${countText(list.length, kind === "of groups" ? "pair" : "link")} ${kind}, ` +
        `${bytesText(total)} in all` + (list.length > rowsMax ? `; the table has the ${rowsMax} with most` : "") +
        (several > 0 ? `; ${bytesText(several)} more came from members that are not named` : "") + ".";
    return true;
}

function picture(groups, list, between, run, us) {
    const {width, height, radius} = mapSize;
    const [cx, cy] = [width / 2, height / 2];
    const spots = groups.map((_, i) => {
        const angle = i / groups.length * 2 * Math.PI - (groups.length === 2 ? Math.PI : Math.PI / 2);
        return {angle, x: cx + radius * Math.cos(angle), y: cy + radius * Math.sin(angle)};
    });
    const most = Math.max(1, ...between.map((link) => link.bytes));
    const thickest = between.length > 60 ? 3 : 7;
    const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": "Who sent parameters to whom; the table says the same"});
    for (const link of between.slice(0, mapLinesMax).reverse()) {
        root.append(line(spots[link.from], spots[link.to], link, groups, thickest * link.bytes / most, [cx, cy]));
    }
    const through = groups.map((_, i) => list.filter((link) => link.from === i || link.to === i)
        .reduce((sum, link) => sum + link.bytes, 0));
    const busiest = Math.max(1, ...through);
    groups.forEach((group, i) => {
        const {x, y, angle} = spots[i];
        const state = group.nodes.length === 1 ? run.spanAt(group.nodes[0].index, us)?.state ?? "starting" : "s0";
        root.append(svg("circle", {cx: x, cy: y, r: 6 + 8 * Math.sqrt(through[i] / busiest),
            class: `place fill-${state}`}, svg("title", {text: `${group.label}: ${bytesText(through[i])} sent and received`})));
        const side = Math.cos(angle);
        root.append(svg("text", {x: cx + (radius + 22) * Math.cos(angle), y: cy + (radius + 22) * Math.sin(angle) + 4,
            "text-anchor": side > 0.2 ? "start" : side < -0.2 ? "end" : "middle", class: "title",
            text: group.label.length > 22 ? `${group.label.slice(0, 21)}…` : group.label}));
    });
    return root;
}

/// Bent, so that the two directions between two places lie beside each other; it ends in a point.
function line(a, b, link, groups, width, [cx, cy]) {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy);
    const bend = {x: (a.x + b.x) / 2 + (cx - (a.x + b.x) / 2) * 0.35 - dy * 0.08,
        y: (a.y + b.y) / 2 + (cy - (a.y + b.y) / 2) * 0.35 + dx * 0.08};
    const thick = Math.max(0.6, width);
    // A wedge: wide where the bytes come from.
    const [nx, ny] = [-dy / length * thick / 2, dx / length * thick / 2];
    const end = {x: b.x - (b.x - bend.x) * 0.06, y: b.y - (b.y - bend.y) * 0.06};
    const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
    return svg("path", {class: `link fill-${groups.length <= 8 ? `s${link.from}` : "s0"}`,
        d: `M${at(a.x + nx, a.y + ny)} Q${at(bend.x + nx, bend.y + ny)} ${at(end.x, end.y)} ` +
           `Q${at(bend.x - nx, bend.y - ny)} ${at(a.x - nx, a.y - ny)} Z`},
    svg("title", {text: `${groups[link.from].label} to ${groups[link.to].label}: ${bytesText(link.bytes)}`}));
}
