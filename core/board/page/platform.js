// The links of a simulated platform and how full they were: hosts on a circle, and each link where the
// routes pass that use it.
import {bytesText, countText, element, replaceChildren, svg} from "./format.js";
import {beginOf, buckets, headCells, mapSize, spark} from "./map.js";

const platformRowsMax = 12;
const linksDrawnMax = 120;
const linkLabelsMax = 10; // with more links only the fullest ones have their names
const busyLabelsMax = 4;
const manyWires = 20;
const hostLabelsMax = 24;
const fullFrom = 0.9; // a link with this load holds up what wants to pass

/// {link, bytes, over, mean, peak} of each link, the fullest first. `over` are the seconds that the link was busy, by
/// part of the time that is shown; `mean` and `peak` are its share of the time, in all and in the fullest part.
function linkLoads(run, us, begin) {
    const start = begin ?? 0;
    const part = Math.max(1, us - start) / buckets;
    const found = new Map();
    const add = (id, bytes, rate) => {
        const load = found.get(id) ?? {link: run.links[id], bytes: 0, busy: 0, over: new Float64Array(buckets)};
        load.bytes += bytes;
        load.busy += bytes / Math.max(1, rate);
        found.set(id, load);
        return load;
    };
    for (const [id, bytes] of begin === null ? run.linkUsesBefore : []) {
        add(id, bytes, run.links[id].rate);
    }
    let [sample, before] = [0, 0]; // all links are looked at together: the bytes came since the time before
    for (const {link, us: at, bytes, rate} of run.link_uses.values()) {
        if (at > us) {
            break;
        }
        if (at > sample) {
            [before, sample] = [sample, at];
        }
        const from = Math.max(before, start);
        const share = (at - from) / Math.max(1, at - before);
        if (share > 0) {
            const load = add(link, bytes * share, rate);
            spread(load.over, (from - start) / part, (at - start) / part, bytes * share / Math.max(1, rate));
        }
    }
    for (const load of found.values()) {
        load.mean = Math.min(1, load.busy / (part * buckets / 1e6));
        load.peak = Math.min(1, Math.max(load.mean, ...load.over.map((busy) => busy / (part / 1e6))));
    }
    return [...found.values()].sort((a, b) => b.mean - a.mean || b.bytes - a.bytes);
}

const loadText = (share) => `${(100 * share).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;

/// Adds `amount` evenly to the buckets from `first` to `last`, which may be parts of one.
function spread(over, first, last, amount) {
    const until = Math.min(last, over.length);
    for (let i = Math.floor(first); i < until; i += 1) {
        over[i] += amount * Math.max(0, Math.min(i + 1, until) - Math.max(i, first)) / Math.max(1e-9, last - first);
    }
}

/// A split-duplex link is two for SimGrid, and one in the picture.
const wholeLink = (name) => name.replace(/_(UP|DOWN)$/, "");

/// Places of hosts and links, and the wires between them.
function routeGraph(run, loads) {
    const {width, height, radius} = mapSize;
    const collator = new Intl.Collator("en", {numeric: true});
    const names = [...new Set(run.routes.flatMap((route) => [route.from, route.to]))].sort(collator.compare);
    const hosts = new Map(names.map((name, i) => {
        const angle = i / names.length * 2 * Math.PI - (names.length === 2 ? Math.PI : Math.PI / 2);
        return [name, {name, angle, x: width / 2 + radius * Math.cos(angle), y: height / 2 + radius * Math.sin(angle)}];
    }));
    const spots = new Map();
    for (const {link, bytes, mean, peak} of loads) {
        const label = wholeLink(link.name);
        const spot = spots.get(label) ?? {label, x: 0, y: 0, routes: 0, bytes: 0, mean: 0, peak: 0};
        spots.set(label, {...spot, bytes: spot.bytes + bytes, mean: Math.max(spot.mean, mean), peak: Math.max(spot.peak, peak)});
    }
    const wires = new Map();
    for (const route of run.routes) {
        const [a, b] = [hosts.get(route.from), hosts.get(route.to)];
        const way = route.links.map((id) => wholeLink(run.links[id].name));
        way.forEach((label, i) => {
            const spot = spots.get(label);
            if (spot) {
                const share = (i + 1) / (way.length + 1);
                spot.x += a.x + share * (b.x - a.x);
                spot.y += a.y + share * (b.y - a.y);
                spot.routes += 1;
            }
        });
        const stops = [a, ...way.map((label) => spots.get(label)), b];
        for (let i = 1; i < stops.length; i += 1) {
            if (stops[i - 1] && stops[i]) {
                const ends = [stops[i - 1], stops[i]];
                wires.set(ends.map((end) => end.label ?? `host ${end.name}`).sort().join(" > "), ends);
            }
        }
    }
    const placed = [...spots.values()].filter((spot) => spot.routes > 0).slice(0, linksDrawnMax);
    placed.forEach((spot) => Object.assign(spot, {x: spot.x / spot.routes, y: spot.y / spot.routes}));
    separate(placed);
    const drawn = new Set(placed);
    return {hosts: [...hosts.values()], spots: placed,
        wires: [...wires.values()].filter((ends) => ends.every((end) => end.label === undefined || drawn.has(end)))};
}

/// Links at one place come below each other.
function separate(spots) {
    const taken = new Set();
    for (const spot of spots) {
        const cell = () => `${Math.round(spot.x / 40)} ${Math.round(spot.y / 24)}`;
        for (let i = 0; i < 20 && taken.has(cell()); i += 1) {
            spot.y += 24 * (i % 2 === 0 ? i + 1 : -i - 1);
        }
        taken.add(cell());
    }
}

/// What the host's nodes do: trouble first, then its member, then any.
function stateOfHost(run, name, us) {
    const nodes = run.nodes.filter((node) => node?.host === name);
    const states = nodes.map((node) => run.spanAt(node.index, us)?.state).filter((state) => state);
    const member = nodes.find((node) => node.role === "sl");
    return states.find((state) => state === "down" || state === "failed") ??
        (member && run.spanAt(member.index, us)?.state) ?? states[0] ?? "starting";
}

function platformPicture(run, loads, us) {
    const {width, height, radius} = mapSize;
    const {hosts, spots, wires} = routeGraph(run, loads);
    const most = Math.max(1, ...spots.map((spot) => spot.bytes));
    const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": "Hosts and the links between them, with their load; the table says the same"});
    const thickest = wires.length > manyWires ? 2.5 : 5;
    for (const ends of wires) {
        const bytes = Math.min(...ends.filter((end) => end.label !== undefined).map((end) => end.bytes));
        root.append(svg("line", {class: "wire", x1: ends[0].x, y1: ends[0].y, x2: ends[1].x, y2: ends[1].y,
            "stroke-width": (0.8 + thickest * Math.sqrt(bytes / most)).toFixed(1)}));
    }
    for (const host of hosts) {
        const nodes = run.nodes.filter((node) => node?.host === host.name).map((node) => node.name);
        root.append(svg("circle", {cx: host.x, cy: host.y, r: hosts.length > hostLabelsMax ? 4 : 10,
            class: `place fill-${stateOfHost(run, host.name, us)}`},
        svg("title", {text: `${host.name}: ${nodes.slice(0, 12).join(", ") || "no node"}`})));
        if (hosts.length <= hostLabelsMax) {
            const side = Math.cos(host.angle);
            root.append(svg("text", {x: width / 2 + (radius + 20) * Math.cos(host.angle),
                y: height / 2 + (radius + 20) * Math.sin(host.angle) + 4, class: "title",
                "text-anchor": side > 0.2 ? "start" : side < -0.2 ? "end" : "middle", text: host.name.slice(0, 22)}));
        }
    }
    const labels = spots.length > linkLabelsMax ? busyLabelsMax : linkLabelsMax;
    spots.forEach((spot, i) => root.append(linkBar(spot, i < labels)));
    return root;
}

/// A bar that is as full as the link was.
function linkBar(spot, labelled) {
    const [x, y] = [spot.x - 22, spot.y - 5];
    const words = `${spot.label}: ${bytesText(spot.bytes)}, load ${loadText(spot.mean)}, at most ${loadText(spot.peak)}`;
    return svg("g", {}, svg("title", {text: words}),
        svg("rect", {class: "gauge", x, y, width: 44, height: 10, rx: 3}),
        svg("rect", {class: `fill-${spot.peak >= fullFrom ? "exchanging" : "s0"}`, x, y, width: 44 * Math.min(1, spot.mean), height: 10, rx: 3}),
        ...(labelled ? [svg("text", {x: spot.x, y: y + 26, "text-anchor": "middle", text: `${spot.label.slice(0, 18)} ${loadText(spot.mean)}`})] : []));
}

/// \return false if no link was used
export function drawPlatform(parts, run, us, span) {
    const loads = linkLoads(run, us, beginOf(run, us, span));
    replaceChildren(parts.picture, [platformPicture(run, loads, us)]);
    replaceChildren(parts.head, headCells(["link", "carried", "mean load", "highest load", "over time"]));
    replaceChildren(parts.body, loads.slice(0, platformRowsMax).map((load) => element("tr", {},
        ...[load.link.name, bytesText(load.bytes), loadText(load.mean), loadText(load.peak)].map((text) => element("td", {text})),
        element("td", {}, spark(load)))));
    const full = loads.filter((load) => load.peak >= fullFrom).length;
    parts.note.textContent = loads.length === 0 ? "No link has carried anything yet." :
        `${countText(loads.length, "link")} used${loads.length > platformRowsMax ? `; the table has the ${platformRowsMax} fullest` : ""}. ` +
        (full > 0 ? `${full} of them at ${loadText(fullFrom)} or more for a while.` : `None was ever at ${loadText(fullFrom)}.`);
    return loads.length > 0;
}
