// Texts for people: units, and elements made of text alone. Names and log lines may come from a
// hostile member, so nothing here or elsewhere takes markup out of data.

export function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    setAttributes(made, attributes);
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
}

export function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    setAttributes(made, attributes);
    made.append(...children);
    return made;
}

function setAttributes(made, attributes) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name === "text") {
            made.textContent = value;
        } else if (value !== null && value !== undefined && value !== false) {
            made.setAttribute(name, value === true ? "" : value);
        }
    }
}

export function replaceChildren(parent, children) {
    parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/// A number with three significant digits and a unit.
function scaled(value, step, units) {
    let index = 0;
    let size = Math.abs(value);
    while (size >= step && index + 1 < units.length) {
        size /= step;
        index += 1;
    }
    const digits = size >= 100 || index === 0 ? 0 : size >= 10 ? 1 : 2;
    return `${value < 0 ? "-" : ""}${size.toFixed(digits)} ${units[index]}`;
}

export function bytesText(bytes) {
    return scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

export function secondsText(seconds) {
    const size = Math.abs(seconds);
    if (size === 0) {
        return "0 s";
    }
    if (size < 1e-3) {
        return `${(seconds * 1e6).toFixed(0)} µs`;
    }
    if (size < 1) {
        return `${(seconds * 1e3).toFixed(size < 0.01 ? 1 : 0)} ms`;
    }
    if (size < 120) {
        return `${seconds.toFixed(size < 10 ? 2 : 1)} s`;
    }
    const whole = Math.round(size);
    const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const text = parts[0] > 0 ? `${parts[0]} h ${parts[1]} min`
        : parts[2] === 0 ? `${parts[1]} min` : `${parts[1]} min ${parts[2]} s`;
    return seconds < 0 ? `-${text}` : text;
}

/// The time since the start as a clock: 1:02:03.4.
export function clockText(us) {
    const tenths = Math.floor(us / 1e5);
    const seconds = Math.floor(tenths / 10);
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const head = hours > 0 ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : `${Math.floor(seconds / 60)}`;
    return `${head}:${two(seconds % 60)}.${tenths % 10}`;
}

export function percentText(share) {
    return `${(share * 100).toFixed(2)} %`;
}

export function countText(count, what) {
    return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

export function median(values) {
    if (values.length === 0) {
        return null;
    }
    const sorted = [...values].sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
