// Charts in SVG: lines, bars, stacked bars.
import {secondsText, svg} from "./format.js";
import {niceStep, timeStep} from "./timeline.js";

const size = {width: 560, height: 220, left: 84, right: 14, top: 12, bottom: 36};
const pointsMax = 400;

/// \param series  [{name, color, points: [[x, y], ...]}]
/// \param options  {x, y: labels; xText, yText: number -> text; fromZero; band: [[x, low, high]]}
export function lineChart(series, options) {
    const points = series.flatMap((line) => line.points);
    if (points.length === 0) {
        return null;
    }
    const band = options.band ?? [];
    const xs = extent(points.map((point) => point[0]));
    const ys = extent([...points.map((point) => point[1]), ...band.flatMap((item) => [item[1], item[2]])]);
    if (options.fromZero ?? true) {
        ys[0] = Math.min(0, ys[0]);
    }
    const chart = frame(xs, ys, options);
    if (band.length > 1) {
        const upper = band.map((item) => `${chart.x(item[0])},${chart.y(item[2])}`);
        const lower = band.map((item) => `${chart.x(item[0])},${chart.y(item[1])}`).reverse();
        chart.root.append(svg("polygon", {points: [...upper, ...lower].join(" "), class: "band"}));
    }
    for (const line of series) {
        const shown = thinned(line.points);
        if (shown.length === 1) {
            chart.root.append(svg("circle", {cx: chart.x(shown[0][0]), cy: chart.y(shown[0][1]), r: 3,
                class: `fill-${line.color}`}));
            continue;
        }
        const path = shown.map((point) => `${chart.x(point[0]).toFixed(1)},${chart.y(point[1]).toFixed(1)}`);
        chart.root.append(svg("polyline", {points: path.join(" "), class: `line stroke-${line.color}`}));
    }
    return chart.root;
}

/// Bars of parts above each other. \param bars  [{x, parts: [[class, value], ...], title}]
export function stackedBars(bars, options) {
    if (bars.length === 0) {
        return null;
    }
    const total = (bar) => bar.parts.reduce((sum, part) => sum + part[1], 0);
    const xs = extent(bars.map((bar) => bar.x));
    const chart = frame([xs[0] - 0.5, xs[1] + 0.5], [0, Math.max(...bars.map(total))], options);
    const width = Math.max(1, (chart.x(1) - chart.x(0)) * 0.8);
    for (const bar of bars) {
        const group = svg("g", {}, svg("title", {text: bar.title}));
        let sum = 0;
        for (const [kind, value] of bar.parts) {
            const top = chart.y(sum + value);
            group.append(svg("rect", {x: chart.x(bar.x) - width / 2, width, y: top,
                height: Math.max(0, chart.y(sum) - top), class: `fill-${kind}`}));
            sum += value;
        }
        chart.root.append(group);
    }
    return chart.root;
}

function frame(xs, ys, options) {
    const {width, height, left, right, top, bottom} = size;
    if (xs[0] === xs[1]) {
        xs = [xs[0] - 0.5, xs[1] + 0.5];
    }
    if (ys[0] === ys[1]) {
        ys = [ys[0], ys[0] + 1];
    }
    const x = (value) => left + (value - xs[0]) / (xs[1] - xs[0]) * (width - left - right);
    const y = (value) => height - bottom - (value - ys[0]) / (ys[1] - ys[0]) * (height - top - bottom);
    const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.label});
    for (const at of ticks(ys, 4, options.yText === secondsText)) {
        root.append(svg("line", {x1: left, x2: width - right, y1: y(at), y2: y(at), class: "grid"}));
        root.append(svg("text", {x: left - 6, y: y(at) + 4, "text-anchor": "end", text: options.yText(at)}));
    }
    const whole = options.wholeX ?? false;
    for (const at of ticks(xs, 6, options.xText === secondsText).filter((value) => !whole || Number.isInteger(value))) {
        root.append(svg("text", {x: x(at), y: height - bottom + 16, "text-anchor": "middle",
            text: options.xText(at)}));
    }
    root.append(svg("line", {x1: left, x2: width - right, y1: y(ys[0]), y2: y(ys[0]), class: "axis"}));
    root.append(svg("text", {x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle",
        class: "title", text: options.x}));
    return {root, x, y};
}

function ticks([low, high], count, time) {
    const step = (time ? timeStep : niceStep)((high - low) / count);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
        found.push(Number((i * step).toPrecision(12)));
    }
    return found;
}

function extent(values) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
    }
    return [low, high];
}

/// Not more points than can be seen.
function thinned(points) {
    if (points.length <= pointsMax) {
        return points;
    }
    const step = points.length / pointsMax;
    const kept = Array.from({length: pointsMax}, (_, i) => points[Math.floor(i * step)]);
    kept.push(points[points.length - 1]);
    return kept;
}
