#include "bench/ledger/ledger_maker.hpp"

#include <chrono>

#include "core/ledger/membership.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t batch_records = 1000;
constexpr std::uint64_t checkpoint_rounds = 25;  ///< with four members every 128 entries or so
constexpr std::int64_t round_ns = 30'000'000'000;
constexpr std::size_t certificate_bytes = 700;

const NodeId server{"sn1"};

Credentials long_credentials() {
    return {.certificate = Bytes(certificate_bytes),
            .issuer = Bytes(certificate_bytes),
            .endorsement = Bytes(64)};
}

}  // namespace

LedgerMaker::LedgerMaker(SqliteStore& store, int members, std::uint64_t snapshot_interval)
    : store_(store), schedule_(snapshot_interval) {
    begun_ = store_.save_vote({1, 1, 0});
    const Address address{"10.0.1.1", 30304};
    if (begun_) {
        begun_ = add(RecordKind::membership, encode_membership({{server, address, 1, true}}));
    }
    if (begun_) {
        begun_ = add_entry(server, RegisterNode{Role::sn, address, long_credentials()});
    }
    ContractConfig config{.min_peers = static_cast<std::uint32_t>(members)};
    config.layout_bytes = 12;  // of "w F32 3"
    const Address member_address{"10.0.0.1", 16000};
    for (int member = 0; member < members && begun_; ++member) {
        members_.push_back({"sl" + std::to_string(100'000 + member)});  // names of one length
        const RegisterNode registration{Role::sl, member_address, long_credentials()};
        begun_ = add_entry(members_.back(), registration);
        if (begun_) {
            begun_ = add_entry(members_.back(), Enrol{"default", config, "w F32 3\n", {}, ""});
        }
    }
}

Result<void> LedgerMaker::add_round() {
    Result<void> done = begun_;
    CommitRound commit{.contract = "default", .round = round_, .reports = {}};
    time_ns_ += round_ns;
    for (const NodeId& member : members_) {
        if (done) {
            done = add_entry(
                member, CheckInRound{"default", 0, round_, {.scalars = Scalars{{"loss", 0.5}}}});
        }
        MemberReport report{.node = member};
        report.digest = link_;  // any digest, the same for all
        report.digest.bytes[0] = static_cast<std::byte>(round_);
        report.digest = commit.reports.empty() ? report.digest : commit.reports.front().digest;
        commit.reports.push_back(report);
    }
    if (done) {
        done = add_entry(server, std::move(commit));
    }
    if (done && ++round_ % checkpoint_rounds == 0) {
        done = add_entry(server, Checkpoint{entries(), link_});
    }
    return done;
}

Result<void> LedgerMaker::add_entry(const NodeId& signer, Command command) {
    const bool of_server = signer == server;
    const std::uint64_t sequence = of_server ? 0 : ++sequences_[signer];
    Entry entry{time_ns_, signer, of_server ? 0U : 1U, sequence, std::move(command), {}};
    const Answer answer = ledger_.apply(entry, entries() + 1).answer;
    if (answer.code != Errc::ok) {
        return Error{answer.code, "the ledger refuses an entry: " + answer.reason};
    }
    return add(RecordKind::entry, encode_entry(entry));
}

Result<void> LedgerMaker::add(RecordKind kind, Bytes data) {
    const LogRecord record{entries() + 1, 1, kind, std::move(data)};
    terms_.append(record.term);
    servers_.apply_membership(record);
    link_ = chain_link(openssl_hasher(), link_, record);
    batch_.push_back(encode_record(record));
    const bool due = schedule_.count(record);
    if (!due && batch_.size() < batch_records) {
        return {};
    }
    if (const Result<void> done = flush(); !done || !due) {
        return done;
    }
    return make_snapshot();
}

Result<void> LedgerMaker::make_snapshot() {
    const auto begin = std::chrono::steady_clock::now();
    const Bytes snapshot =
        encode_snapshot(openssl_hasher(), {link_, time_ns_, terms_, servers_, ledger_});
    const auto encoded = std::chrono::steady_clock::now();
    schedule_.restart(snapshot.size());
    Result<void> saved = store_.save_snapshot(snapshot);
    ++snapshots_.count;
    snapshots_.bytes = snapshot.size();
    snapshots_.encode_seconds += std::chrono::duration<double>(encoded - begin).count();
    snapshots_.save_seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - encoded).count();
    return saved;
}

Result<void> LedgerMaker::flush() {
    if (batch_.empty()) {
        return {};
    }
    const std::uint64_t first = entries() - batch_.size() + 1;
    return store_.append(first, std::exchange(batch_, {}));
}

}  // namespace starling::bench
