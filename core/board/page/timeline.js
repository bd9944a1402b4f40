// The timeline: a row for each node, coloured by what it does; above many nodes one stacked area of
// how many do what.
import {clockText, secondsText} from "./format.js";
import {stateWords} from "./state.js";

const rowHeight = 18;
const areaHeight = 180;
const timelineRowsMax = 40;
const labelWidth = 130;
const axisHeight = 24;

export class Timeline {
    /// \param onSeek  called with a time in microseconds
    constructor(canvas, tip, onSeek) {
        this.canvas = canvas;
        this.tip = tip;
        this.from = 0;
        this.to = null; // null: the end of the run
        this.seek = onSeek;
        canvas.addEventListener("click", (event) => this.seek(this.timeAt(event.offsetX)));
        canvas.addEventListener("mousemove", (event) => this.point(event));
        canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
        canvas.addEventListener("keydown", (event) => this.key(event));
        canvas.addEventListener("wheel", (event) => {
            if (event.ctrlKey) {
                event.preventDefault();
                this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event.offsetX));
            }
        }, {passive: false});
    }

    key(event) {
        const width = this.end - this.from;
        const actions = {
            "+": () => this.zoom(0.6, this.cursor),
            "-": () => this.zoom(1 / 0.6, this.cursor),
            "0": () => this.zoom(Infinity, 0),
            ArrowLeft: () => this.seek(Math.max(0, this.cursor - width / 50)),
            ArrowRight: () => this.seek(this.cursor + width / 50),
        };
        if (actions[event.key]) {
            event.preventDefault();
            actions[event.key]();
        }
    }

    zoom(factor, around) {
        const full = this.run.end;
        const width = (this.end - this.from) * factor;
        if (!(width < full)) {
            this.from = 0;
            this.to = null;
        } else {
            const share = (around - this.from) / (this.end - this.from);
            this.from = Math.min(Math.max(0, around - width * share), full - width);
            this.to = this.from + width;
        }
        this.draw(this.run, this.nodes, this.cursor);
    }

    get end() {
        return this.to ?? this.run.end;
    }
    x(us) {
        return labelWidth + (us - this.from) / (this.end - this.from) * (this.width - labelWidth);
    }
    timeAt(x) {
        const share = (x - labelWidth) / (this.width - labelWidth);
        return Math.min(Math.max(0, this.from + share * (this.end - this.from)), this.run.end);
    }

    draw(run, nodes, cursor) {
        this.run = run;
        this.nodes = nodes;
        this.cursor = cursor;
        this.rows = nodes.slice(0, timelineRowsMax);
        this.area = nodes.length > timelineRowsMax;
        this.top = this.area ? areaHeight + 14 : 0;
        this.width = this.canvas.clientWidth;
        const height = this.top + this.rows.length * rowHeight + axisHeight;
        const ratio = window.devicePixelRatio || 1;
        this.canvas.style.height = `${height}px`;
        this.canvas.width = Math.round(this.width * ratio);
        this.canvas.height = Math.round(height * ratio);
        const style = getComputedStyle(this.canvas);
        this.color = (name) => style.getPropertyValue(`--${name}`);
        const paint = this.canvas.getContext("2d");
        paint.scale(ratio, ratio);
        paint.font = "12px system-ui, sans-serif";
        paint.textBaseline = "middle";
        if (this.area) {
            this.drawArea(paint);
        }
        this.rows.forEach((node, row) => this.drawRow(paint, node, this.top + row * rowHeight));
        this.drawAxis(paint, height);
    }

    drawRow(paint, node, y) {
        paint.fillStyle = this.color("ink");
        paint.fillText(fitted(paint, node.name, labelWidth - 12), 0, y + rowHeight / 2);
        for (const span of this.run.nodeSpans[node.index]) {
            const until = span.to < 0 ? this.run.end : span.to;
            if (until < this.from || span.from > this.end) {
                continue;
            }
            const left = Math.max(labelWidth, this.x(span.from));
            const right = Math.min(this.width, this.x(until));
            paint.fillStyle = this.color(span.state);
            paint.fillRect(left, y + 2, Math.max(right - left, 0.7), rowHeight - 4);
        }
    }

    /// How many nodes are in each state, by the column of the picture.
    counts() {
        const columns = Math.max(1, Math.floor(this.width - labelWidth));
        const counts = new Map(Object.keys(stateWords).map((state) => [state, new Int32Array(columns + 1)]));
        const column = (us) => Math.min(columns, Math.max(0, Math.round(this.x(us) - labelWidth)));
        for (const node of this.nodes) {
            for (const span of this.run.nodeSpans[node.index]) {
                const list = counts.get(span.state);
                list[column(span.from)] += 1;
                list[column(span.to < 0 ? this.run.end + 1 : span.to)] -= 1;
            }
        }
        for (const list of counts.values()) {
            for (let i = 1; i <= columns; i += 1) {
                list[i] += list[i - 1];
            }
        }
        return {columns, counts};
    }

    drawArea(paint) {
        const {columns, counts} = this.counts();
        const scale = areaHeight / this.nodes.length;
        for (let column = 0; column < columns; column += 1) {
            let y = areaHeight;
            for (const [state, list] of counts) {
                if (list[column] > 0) {
                    const height = list[column] * scale;
                    paint.fillStyle = this.color(state);
                    paint.fillRect(labelWidth + column, y - height, 1, height);
                    y -= height;
                }
            }
        }
        paint.fillStyle = this.color("ink");
        paint.fillText(`${this.nodes.length} nodes`, 0, 10);
        paint.fillText("by what they do", 0, 26);
        paint.fillText(`first ${this.rows.length}:`, 0, areaHeight + 5);
    }

    drawAxis(paint, height) {
        const base = height - axisHeight;
        const seconds = (this.end - this.from) / 1e6;
        const step = timeStep(seconds / Math.max(2, this.width / 110));
        paint.textAlign = "center";
        paint.strokeStyle = this.color("line");
        paint.fillStyle = this.color("muted");
        for (let at = Math.ceil(this.from / 1e6 / step) * step; at <= this.end / 1e6; at += step) {
            const x = this.x(at * 1e6);
            paint.beginPath();
            paint.moveTo(x, base);
            paint.lineTo(x, base + 5);
            paint.stroke();
            const text = secondsText(Number(at.toPrecision(6)));
            const half = paint.measureText(text).width / 2;
            paint.fillText(text, Math.min(x, this.width - half), base + 14);
        }
        paint.textAlign = "start";
        const x = this.x(this.cursor);
        if (x >= labelWidth) {
            paint.strokeStyle = this.color("cursor");
            paint.lineWidth = 2;
            paint.beginPath();
            paint.moveTo(Math.min(x, this.width - 1), 0);
            paint.lineTo(Math.min(x, this.width - 1), base + 5);
            paint.stroke();
        }
    }

    point(event) {
        const row = Math.floor((event.offsetY - this.top) / rowHeight);
        const node = event.offsetY >= this.top ? this.rows[row] : undefined;
        const us = this.timeAt(event.offsetX);
        this.tip.hidden = event.offsetX < labelWidth;
        const span = node ? this.run.spanAt(node.index, us) : null;
        const until = span && span.to >= 0 ? span.to : this.run.end;
        this.tip.textContent = !node ? clockText(us)
            : !span ? `${node.name}: not started, at ${clockText(us)}`
                : `${node.name} ${stateWords[span.state]} (round ${span.round}), ` +
                  `for ${secondsText((until - span.from) / 1e6)}, at ${clockText(us)}`;
        this.tip.style.left = `${Math.min(event.offsetX + 12, this.width - 300)}px`;
        this.tip.style.top = `${event.offsetY + 16}px`;
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
export function niceStep(least) {
    const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.9999);
}

/// The same for seconds: above a minute parts and multiples of minutes and hours.
export function timeStep(least) {
    const steps = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];
    return least <= 20 ? niceStep(least) : steps.find((step) => step >= least) ?? niceStep(least);
}

function fitted(paint, text, width) {
    if (paint.measureText(text).width <= width) {
        return text;
    }
    let length = Math.min(text.length, 40);
    while (length > 1 && paint.measureText(`${text.slice(0, length)}…`).width > width) {
        length -= 1;
    }
    return `${text.slice(0, length)}…`;
}
