// What is still to come: the time to the end of a run, and of certificates.
import {secondsText} from "./format.js";

const roundsMax = 20; // whose mean duration counts

/// How many rounds the run of a contract will have, by its programs' epochs; null: nobody says.
function roundsOf(run, contract) {
    let most = null;
    for (const node of run.nodes) {
        if (node?.role !== "sl" || node.contract !== contract || ["failed", "down", "ended"].includes(node.state)) {
            continue;
        }
        const reached = node.epochs_round + 1;
        const all = node.finished ? reached
            : node.epochs_total > 0 && node.epochs > 0 ? Math.max(reached, reached * node.epochs_total / node.epochs) : null;
        most = all === null ? most : Math.max(most ?? 0, all);
    }
    return most;
}

/// The time to the end of the run, as text.
export function timeToEnd(run, us) {
    if (run.over) {
        const end = Math.max(...run.roundList.map((round) => round.committed_us));
        return us >= end ? "ended" : secondsText((end - us) / 1e6);
    }
    let longest = null;
    for (const {name} of run.contracts) {
        const rounds = run.committedUntil(us).filter((round) => round.contract === name);
        const last = rounds[rounds.length - 1];
        const recent = rounds.filter((round) => round.run === last.run).slice(-roundsMax);
        const all = roundsOf(run, name);
        if (recent.length < 2 || all === null) {
            continue;
        }
        const mean = (last.committed_us - recent[0].committed_us) / (last.round - recent[0].round);
        const left = (all - last.round - 1) * mean - (us - last.committed_us);
        longest = Math.max(longest ?? 0, left, 0);
    }
    if (longest !== null) {
        return `about ${secondsText(longest / 1e6)}`;
    }
    return run.nodes.some((node) => node?.epochs_total > 0) ? "after one epoch"
        : run.roundList.length === 0 ? "not known yet" : "not known";
}

/// Days until a node's certificate expires at `us`; null: it is not known.
export function certificateDays(node, run, us) {
    if (node.certificate_until === null || node.certificate_until === undefined || run.virtual_time) {
        return null;
    }
    const now = Number(BigInt(run.start_ns) / 1000000000n) + us / 1e6;
    return Math.floor((node.certificate_until - now) / 86400);
}

export function daysText(days) {
    return days < 0 ? "expired" : days === 1 ? "1 day" : `${days} days`;
}
