// A run as the server or the file gives it (core/board/FORMAT.md), and what it looked like at any
// time of it.

/// State -> what a person reads, in the order in which they are stacked.
export const stateWords = {
    training: "trains",
    sending: "hands its parameters over",
    waiting: "waits for the round",
    exchanging: "exchanges parameters",
    reporting: "has merged, awaits the commit",
    catching_up: "catches up",
    leading: "leads the SNs",
    following: "follows the leader",
    serving: "serves",
    starting: "starts",
    leaderless: "has no leader",
    ended: "has ended",
    failed: "has failed",
    down: "is down",
};
export const troubled = new Set(["failed", "down", "leaderless"]);

/// So many of each curve's points are kept, the newest: as many as the server keeps.
const keptMax = 50_000;

export class Run {
    constructor(data) {
        this.label = data.label ?? "run";
        this.kind = data.kind ?? "recorded";
        this.clear();
        this.merge(data);
    }

    clear() {
        this.nodes = [];
        this.spans = new Map();
        this.rounds = new Map();
        this.waits = new Map();
        this.alarms = new Map();
        this.log = new Map();
        this.losses = [];
        this.accuracies = [];
        this.scalars = [];
        this.contracts = [];
        this.transfers = new Map();
        this.linksBefore = new Map();
        this.links = [];
        this.routes = [];
        this.link_uses = new Map();
        this.linkUsesBefore = new Map();
        this.licence = null;
    }

    /// Takes a whole run, or what has changed since the version that is here.
    merge(data) {
        if (data.since === 0) {
            this.clear();
        }
        for (const key of ["version", "now_us", "start_ns", "virtual_time", "leader", "term", "server_lost_us", "events",
            "unreadable_lines", "contracts", "source", "licence"]) {
            this[key] = data[key] ?? this[key];
        }
        for (const node of data.nodes) {
            this.nodes[node.index] = node;
        }
        for (const [id, node, state, from, to, round] of data.spans) {
            this.spans.set(id, {id, node, state, from, to, round});
        }
        for (const [id, from, to, us, bytes] of data.transfers) {
            this.transfers.set(id, {from, to, us, bytes});
        }
        for (const [from, to, bytes] of data.links_before) {
            this.linksBefore.set(`${from}>${to}`, {from, to, bytes});
        }
        for (const [id, name, rate] of data.links) {
            this.links[id] = {id, name, rate};
        }
        for (const [from, to, links] of data.routes) {
            this.routes.push({from, to, links});
        }
        for (const [id, link, us, bytes, rate] of data.link_uses) {
            this.link_uses.set(id, {link, us, bytes, rate});
        }
        for (const [link, bytes] of data.link_uses_before) {
            this.linkUsesBefore.set(link, bytes);
        }
        for (const list of ["rounds", "waits", "alarms", "log"]) {
            for (const item of data[list]) {
                this[list].set(item.id, item);
            }
        }
        for (const list of ["spans", "rounds", "waits", "alarms", "log", "transfers", "link_uses"]) {
            dropBefore(this[list], data[`${list}_from`]);
            this[`${list}From`] = data[`${list}_from`];
        }
        for (const list of ["losses", "accuracies", "scalars"]) {
            this[list] = this[list].concat(data[list] ?? []).slice(-keptMax);
        }
        this.index();
    }

    index() {
        this.nodeSpans = this.nodes.map(() => []);
        for (const span of this.spans.values()) {
            this.nodeSpans[span.node]?.push(span);
        }
        this.nodeSpans.forEach((spans) => spans.sort((a, b) => a.from - b.from || a.id - b.id));
        this.waitList = [...this.waits.values()].sort((a, b) => a.from_us - b.from_us || a.id - b.id);
        this.roundList = [...this.rounds.values()]
            .sort((a, b) => a.run - b.run || a.round - b.round || a.id - b.id);
    }

    get end() {
        return Math.max(this.now_us ?? 0, 1);
    }

    /// All that there were have ended.
    get over() {
        return this.contracts.length > 0 &&
            this.contracts.every(({phase}) => phase === "complete" || phase === "aborted");
    }

    /// What the node did at `us`; null: it is not known.
    spanAt(node, us) {
        const spans = this.nodeSpans[node] ?? [];
        const next = firstAfter(spans, us, (span) => span.from);
        return next === 0 ? null : spans[next - 1];
    }

    /// Who waits for whom at `us`, by contract.
    waitsAt(us) {
        const found = new Map();
        const until = firstAfter(this.waitList, us, (wait) => wait.from_us);
        for (let i = until - 1; i >= 0 && found.size < this.contracts.length; i -= 1) {
            const wait = this.waitList[i];
            if (!found.has(wait.contract)) {
                found.set(wait.contract, wait);
            }
        }
        return [...found.values()].sort((a, b) => (a.contract < b.contract ? -1 : 1));
    }

    leaderAt(us) {
        if (us >= this.end) {
            return this.leader;
        }
        let name = "";
        let since = -1;
        for (const node of this.nodes) {
            const span = node?.role === "sn" ? this.spanAt(node.index, us) : null;
            if (span?.state === "leading" && span.from > since) {
                name = node.name;
                since = span.from;
            }
        }
        return name;
    }

    committedUntil(us) {
        return this.roundList.filter((round) => round.committed_us >= 0 && round.committed_us <= us);
    }

    /// Nodes with a role, in the order of a table: SNs, then members, then others; by name.
    sortedNodes() {
        const order = {sn: 0, apls: 1, sl: 2, ml: 3, tool: 4, "": 5};
        const collator = new Intl.Collator("en", {numeric: true});
        return this.nodes.filter((node) => node && this.nodeSpans[node.index].length > 0)
            .sort((a, b) => order[a.role] - order[b.role] || collator.compare(a.name, b.name));
    }
}

function dropBefore(items, from) {
    for (const id of items.keys()) {
        if (id >= from) {
            break;
        }
        items.delete(id);
    }
}

/// Index of the first item whose key is above `limit`; items are ordered by it.
function firstAfter(items, limit, key) {
    let low = 0;
    let high = items.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (key(items[middle]) > limit) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
