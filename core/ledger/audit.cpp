#include "core/ledger/audit.hpp"

#include <algorithm>

#include "core/ledger/membership.hpp"

namespace starling {
namespace {

Error bad(std::string what) { return {Errc::malformed, std::move(what)}; }

}  // namespace

LedgerAudit::LedgerAudit(const Hasher& hasher, const NodeVerifier& verifier, Options options)
    : hasher_(hasher), verifier_(verifier), options_(std::move(options)) {}

bool LedgerAudit::verify(const PublicKey& key, const Bytes& text, const Signature& signature) {
    ++summary_.signatures;
    return verifier_.verify(key, text, signature);
}

Result<void> LedgerAudit::take(std::uint64_t index, ByteView bytes, const Digest& link) {
    const std::string entry = "entry " + std::to_string(summary_.records + 1);
    if (index != summary_.records + 1) {
        return bad(entry + " is missing: the next one is entry " + std::to_string(index));
    }
    if (chain_link(hasher_, summary_.head, index, bytes) != link) {
        return bad(entry + ": its hash link does not match the previous entry and its bytes");
    }
    const Result<LogRecord> record = decode_record(index, bytes);
    if (!record) {
        return bad(entry + ": " + record.error().message);
    }
    if (const std::uint64_t before = terms_.term_of(terms_.last()); record->term < before) {
        return bad(entry + ": term " + std::to_string(record->term) + " after term " +
                   std::to_string(before));
    }
    Result<void> good;
    if (record->kind == RecordKind::entry) {
        const Result<Entry> decoded = decode_entry(record->data);
        good = decoded ? take_entry(*decoded, index) : Result<void>(decoded.error());
    } else if (epoch_ != 0) {
        good = bad(unfinished());
    } else if (record->kind == RecordKind::membership) {
        good = take_membership(*record);
    }
    if (!good) {
        return bad(entry + ": " + good.error().message);
    }
    terms_.append(record->term);
    summary_.records = index;
    summary_.head = link;
    links_.push_back(link);
    return {};
}

Result<void> LedgerAudit::take_entry(const Entry& entry, std::uint64_t index) {
    if (to_ns(time_of(entry)) < time_ns_) {
        return bad("its time is before that of the previous entry");
    }
    if (const Result<void> good = check_author(entry); !good) {
        return good;
    }
    const auto* removal = std::get_if<RemoveServers>(&entry.command);
    if (epoch_ != 0 && removal == nullptr && !std::holds_alternative<RegisterNode>(entry.command)) {
        return bad(unfinished());
    }
    if (removal != nullptr) {
        if (const Result<void> good = check_removal(entry.signer, *removal); !good) {
            return good;
        }
        summary_.removals.push_back({index, entry.signer, *removal});
    }
    if (const auto* checkpoint = std::get_if<Checkpoint>(&entry.command)) {
        if (const Result<void> good = check_checkpoint(*checkpoint); !good) {
            return good;
        }
        ++summary_.checkpoints;
        std::uint64_t& newest = summary_.signed_up_to[entry.signer];
        newest = std::max(newest, checkpoint->index);
    }
    time_ns_ = to_ns(time_of(entry));
    const Applied applied = ledger_.apply(entry, index);
    if (applied.answer.code == Errc::ok) {
        if (const Result<void> good = check_reports_in(entry.command); !good) {
            return good;
        }
    }
    if (removal != nullptr) {
        servers_.apply_removal(entry, *removal, ledger_.nodes());
    }
    for (const LedgerEvent& event : applied.events) {
        if (const auto* committed = std::get_if<RoundCommitted>(&event)) {
            Training& training = summary_.trainings[committed->contract];
            ++training.commits;
            training.attempts_lost += committed->commit.attempt;
        }
    }
    return {};
}

Result<void> LedgerAudit::check_author(const Entry& entry) {
    const std::string name = "'" + entry.signer.name + "'";
    if (std::holds_alternative<ReadBarrier>(entry.command)) {
        return {};  // says nothing and needs no signature
    }
    if (const auto* registration = std::get_if<RegisterNode>(&entry.command)) {
        return check_registration(entry, *registration);
    }
    const auto known = authors_.find(entry.signer);
    if (known == authors_.end()) {
        return bad("it is of " + name + ", which was never registered");
    }
    Author& author = known->second;
    if (is_for_sns(entry.command) != (author.role == Role::sn)) {
        return bad("its command is not allowed for role " + name);
    }
    if (const Result<void> good = check_order(entry, author); !good) {
        return good;
    }
    if (!verify(author.key,
                command_text(entry.signer, entry.session, entry.sequence, entry.command),
                entry.signature)) {
        return bad("its signature was not made by " + name);
    }
    author.sequence = std::max(author.sequence, entry.sequence);
    (author.role == Role::sn ? summary_.servers : summary_.members).insert(entry.signer);
    return {};
}

Result<void> LedgerAudit::check_registration(const Entry& entry, const RegisterNode& command) {
    const std::string name = "'" + entry.signer.name + "'";
    if ((entry.session == 0) != (command.role == Role::sn)) {
        return bad("it registers " + name + " in a role that does not match its session");
    }
    ++summary_.signatures;
    if (const Result<void> endorsed =
            verifier_.endorsed(entry.signer, command.role, command.credentials);
        !endorsed) {
        return bad("it registers " + name + ": " + endorsed.error().message);
    }
    if (options_.trusted) {
        if (const Result<void> trusted =
                options_.trusted(entry.signer, *command.credentials.certificate);
            !trusted) {
            return bad("it registers " + name + ": " + trusted.error().message);
        }
    }
    if (!verify(command.credentials.key,
                command_text(entry.signer, entry.session, entry.sequence, entry.command),
                entry.signature)) {
        return bad("its signature was not made with the key that it registers for " + name);
    }
    if (const std::optional<Answer> refused = ledger_.refusal_of(entry)) {
        summary_.claims.push_back({summary_.records + 1, entry.signer, refused->reason});
        return {};  // nor does the ledger take it
    }
    Author& author = authors_[entry.signer];
    if (entry.session < author.session) {
        return {};  // of an earlier start, come late: the ledger does not take it either
    }
    if (entry.session > author.session && entry.sequence != 1) {
        return bad("the commands of " + name + " before number " + std::to_string(entry.sequence) +
                   " are missing");
    }
    const std::uint64_t sequence =
        entry.session > author.session ? 0 : std::max(author.sequence, entry.sequence);
    author = {command.role, command.credentials.key, entry.session,
              std::max(sequence, entry.sequence)};
    (command.role == Role::sn ? summary_.servers : summary_.members).insert(entry.signer);
    return {};
}

/// Every answered command is in the ledger, so the sequence numbers of a node have no gaps. A
/// command may be there twice: it was sent to two SNs, and the second copy changed nothing.
Result<void> LedgerAudit::check_order(const Entry& entry, const Author& author) const {
    const std::string name = "'" + entry.signer.name + "'";
    if (entry.session > author.session) {
        return bad("it is of a session of " + name + " that was never registered");
    }
    if (entry.session == author.session && entry.sequence > author.sequence + 1) {
        return bad("the commands of " + name + " between number " +
                   std::to_string(author.sequence) + " and " + std::to_string(entry.sequence) +
                   " are missing");
    }
    return {};
}

/// \param command  a CommitRound or RecordReports
template <typename WithReports>
Result<void> LedgerAudit::check_reports(const WithReports& command) {
    for (const MemberReport& report : command.reports) {
        const auto author = authors_.find(report.node);
        if (author == authors_.end() ||
            !verify(author->second.key,
                    report_text(report.node, command.contract, command.run, command.round,
                                command.attempt, report.digest, report.durable),
                    report.signature)) {
            return bad("the report of '" + report.node.name + "' on round " +
                       std::to_string(command.round) + " is not signed by it");
        }
    }
    return {};
}

/// Of a command that the ledger has accepted. It refuses reports of an earlier start of a member,
/// whose key is not known any more.
Result<void> LedgerAudit::check_reports_in(const Command& command) {
    if (const auto* commit = std::get_if<CommitRound>(&command)) {
        return check_reports(*commit);
    }
    const auto* part = std::get_if<RecordReports>(&command);
    return part == nullptr ? Result<void>{} : check_reports(*part);
}

Result<void> LedgerAudit::check_checkpoint(const Checkpoint& checkpoint) const {
    if (checkpoint.index == 0 || checkpoint.index > links_.size()) {
        return bad("it signs entry " + std::to_string(checkpoint.index) +
                   ", which is later or missing");
    }
    if (links_[checkpoint.index - 1] != checkpoint.head) {
        return bad("its SN signed a diverging ledger: at entry " +
                   std::to_string(checkpoint.index) + " its head was " +
                   short_text(checkpoint.head) + ", here it is " +
                   short_text(links_[checkpoint.index - 1]));
    }
    return {};
}

std::string LedgerAudit::unfinished() const {
    return epoch_ == 0 ? ""
                       : "entry " + std::to_string(epoch_) +
                             " changes more than one SN at a time, and no SN has signed that it "
                             "rebuilt the ledger there";
}

/// The membership of SNs changes by one at a time. A larger change is the rebuild by a survivor,
/// which must have signed it.
Result<void> LedgerAudit::take_membership(const LogRecord& record) {
    Result<std::vector<Server>> servers = decode_membership(record.data);
    if (!servers) {
        return servers.error();
    }
    std::size_t changes = 0;
    std::set<NodeId> gone;
    NodeId unapproved;  ///< an SN that votes from here on, which the roll does not allow
    const std::vector<Server>& earlier = servers_.servers();
    for (const Server& before : earlier) {
        const auto after = std::find_if(servers->begin(), servers->end(), [&](const Server& one) {
            return one.number == before.number;
        });
        if (after == servers->end()) {
            gone.insert(before.node);
        }
        changes += after == servers->end() || *after != before ? 1U : 0U;
    }
    for (const Server& server : *servers) {
        changes += std::none_of(earlier.begin(), earlier.end(),
                                [&](const Server& one) { return one.number == server.number; })
                       ? 1U
                       : 0U;
        gone.erase(server.node);
        const bool voted = std::any_of(earlier.begin(), earlier.end(), [&](const Server& one) {
            return one.number == server.number && one.voter;
        });
        if (server.voter && !voted && !ledger_.roll().may_vote(server.node)) {
            unapproved = server.node;
        }
    }
    if (!earlier.empty() && changes > 1) {
        epoch_ = record.index;
    } else if (!earlier.empty() && !unapproved.name.empty()) {
        return bad("it gives SN '" + unapproved.name + "' a vote without authorisation");
    }
    removed_[record.index] = {gone.begin(), gone.end()};
    servers_.apply_membership(record);
    return {};
}

Result<void> LedgerAudit::check_removal(const NodeId& signer, const RemoveServers& removal) {
    const auto found = removed_.find(removal.index);
    if (found == removed_.end() || found->second != removal.removed) {
        return bad("it names SNs other than those removed by entry " +
                   std::to_string(removal.index));
    }
    if (epoch_ == 0) {
        return removal.rebuilt ? bad("it claims that the ledger was rebuilt, which is false")
                               : Result<void>();
    }
    if (!removal.rebuilt || removal.index != epoch_) {
        return bad(unfinished());
    }
    if (servers_.servers().size() != 1 || servers_.servers().front().node != signer) {
        return bad("the ledger was rebuilt for another SN than '" + signer.name +
                   "', which signed that");
    }
    epoch_ = 0;
    return {};
}

}  // namespace starling
