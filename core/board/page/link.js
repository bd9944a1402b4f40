// The connection with the server: news are fetched as it tells of them, and again where it does not answer.

const retryMs = {first: 1_000, most: 30_000};
const answerMs = 60_000; // a query that takes longer is given up

/// Tries an action again: after twice as long with each failure in a row, up to a bound. One attempt waits at a time.
export class Retry {
    constructor(action) {
        this.action = action;
        this.ms = retryMs.first;
    }
    get waits() {
        return this.timer !== undefined;
    }
    failed() {
        if (!this.waits) {
            this.timer = setTimeout(() => {
                this.timer = undefined;
                this.action();
            }, this.ms);
            this.ms = Math.min(2 * this.ms, retryMs.most);
        }
    }
    succeeded() {
        this.ms = retryMs.first;
    }
    /// What waits is done by another event.
    cancel() {
        clearTimeout(this.timer);
        this.timer = undefined;
    }
}

export function showLink(text, bad) {
    document.getElementById("link").textContent = text;
    document.getElementById("link").classList.toggle("bad", bad);
}

/// \param query  its controller: aborts it
export async function fetchJson(place, query = new AbortController()) {
    const limit = setTimeout(() => query.abort(new Error(`not in ${answerMs / 1_000} s`)), answerMs);
    try {
        const answer = await fetch(place, {signal: query.signal});
        if (!answer.ok) {
            throw new Error(`status ${answer.status}`);
        }
        return await answer.json();
    } finally {
        clearTimeout(limit);
    }
}

/// The server says when there is something new, and the page fetches what has changed.
export function follow(page) {
    const run = page.runs[page.runs.length - 1];
    let events;
    let query; // the newest
    let fetching = false;
    let wanted = 0; // the last version that the server told of
    let losses = 0; // of the connection: what was asked for before may come from another server, with another run
    // An answer may be older than that version, as the server makes one for many; if it brings nothing new, the next
    // version is waited for.
    const fetchNews = async () => {
        for (let askedSince = -1; run.version < wanted && run.version !== askedSince;) {
            askedSince = run.version;
            const asked = losses;
            query = new AbortController();
            const news = await fetchJson(`api/run?since=${run.version}`, query);
            if (asked === losses) {
                run.merge(news);
                page.later();
            } else {
                askedSince = -1;
            }
        }
    };
    const showIfConnected = () => {
        if (events.readyState === EventSource.OPEN) {
            showLink("connected", false);
        }
    };
    const update = async () => {
        if (fetching || retry.waits) {
            return;
        }
        fetching = true;
        try {
            await fetchNews();
            retry.succeeded();
            showIfConnected();
        } catch {
            if (events.readyState === EventSource.OPEN) { // it was this answer only, as of a server that is busy
                showLink("no answer: shows the last state, and tries again", true);
                retry.failed();
            }
        }
        fetching = false;
    };
    const connect = () => {
        events = new EventSource("api/events");
        events.onopen = () => {
            retry.cancel(); // the server tells its version now, and that leads to a query
            showIfConnected();
        };
        events.onerror = () => {
            losses += 1;
            query?.abort(new Error("the connection is lost"));
            run.version = 0;
            wanted = 0;
            showLink("connection lost: shows the last state, and tries again", true);
            if (events.readyState === EventSource.CLOSED) { // another status than 200: the browser gives up
                retry.failed();
                sayIfLoggedOut();
            }
        };
        events.addEventListener("version", (event) => {
            wanted = Number(event.data);
            update();
        });
    };
    const retry = new Retry(() => (events.readyState === EventSource.CLOSED ? connect() : update()));
    // An EventSource does not tell the status.
    const sayIfLoggedOut = async () => {
        const answer = await fetch("api/beside", {method: "HEAD"}).catch(() => null);
        if (answer?.status === 401) {
            showLink("logged out: shows the last state; open /?token=TOKEN to log in again", true);
        }
    };
    connect();
}
