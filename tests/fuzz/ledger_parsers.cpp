#include "core/base/invariant.hpp"
#include "core/ledger/audit.hpp"
#include "core/ledger/membership.hpp"
#include "core/licence/seat_book.hpp"
#include "tests/fuzz/targets.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::fuzz {
namespace {

void entry(ByteView input) {
    const Result<Entry> read = decode_entry(input);
    if (!read) {
        return;
    }
    STARLING_INVARIANT(same(encode_entry(*read), input), "one encoding");
    (void)name_of(read->command);
    (void)is_for_sns(read->command);
    (void)time_of(*read);
    (void)command_text(read->signer, read->session, read->sequence, read->command);
}

void membership(ByteView input) {
    if (const auto read = decode_membership(input)) {
        STARLING_INVARIANT(same(encode_membership(*read), input), "one encoding");
    }
}

void record(ByteView input) {
    const Result<LogRecord> read = decode_record(1, input);
    if (!read) {
        return;
    }
    STARLING_INVARIANT(same(encode_record(*read), input), "one encoding");
    if (read->kind == RecordKind::membership) {
        membership(read->data);
    }
}

void seat(ByteView input) {
    if (const auto read = decode_seat_entry(input)) {
        STARLING_INVARIANT(same(encode_seat_entry(*read), input), "one encoding");
    }
}

/// Accepts every signature, so that the ledger's own rules are reached.
class TrustingVerifier final : public NodeVerifier {
public:
    bool verify(const PublicKey& /*key*/, ByteView /*text*/,
                const Signature& /*signature*/) const override {
        return true;
    }
    Result<void> endorsed(const NodeId& /*node*/, Role /*role*/,
                          const Credentials& /*credentials*/) const override {
        return {};
    }
};

/// Records, each preceded by its length, with valid hash links.
void audit(ByteView input) {
    constexpr std::uint64_t records_max = 200;
    const TrustingVerifier verifier;
    LedgerAudit audit(openssl_hasher(), verifier, {});
    Reader reader(input);
    Digest link;
    for (std::uint64_t index = 1; index <= records_max; ++index) {
        const std::uint32_t size = reader.u32();
        const ByteView bytes = reader.raw(size);
        if (!reader.ok()) {
            break;
        }
        link = chain_link(openssl_hasher(), link, index, bytes);
        if (!audit.take(index, bytes, link)) {
            break;
        }
    }
    (void)audit.unfinished();
}

/// Everything in front of the checksum, which is put behind it here.
void snapshot(ByteView input) {
    Bytes whole(input.begin(), input.end());
    const Digest sum = openssl_hasher().digest(input);
    whole.insert(whole.end(), sum.bytes.begin(), sum.bytes.end());
    if (const auto read = decode_snapshot(openssl_hasher(), whole)) {
        STARLING_INVARIANT(
            same(encode_snapshot(openssl_hasher(), {read->link, read->time_ns, read->terms,
                                                    read->servers, read->ledger}),
                 whole),
            "one encoding");
    }
}

}  // namespace

void ledger(ByteView input) {
    constexpr InputTest parsers[] = {entry, record, membership, seat, audit, snapshot};
    static_assert(std::size(parsers) == ledger_parser::count);
    choose(parsers, input);
}

}  // namespace starling::fuzz
