// Encoding of contracts in commands and views: see FORMAT.md.
#include <algorithm>

#include "core/ledger/command.hpp"
#include "core/ledger/ledger_bounds.hpp"

namespace starling {

std::string decode_site(Reader& reader) {
    std::string site = reader.string(node_name_max);
    if (!is_site(site)) {
        reader.fail();
    }
    return site;
}

void encode(Writer& writer, const Commit& commit) {
    writer.u64(commit.round);
    writer.u32(commit.attempt);
    writer.digest(commit.digest);
    encode(writer, commit.members);
    writer.boolean(commit.final);
}

Commit decode_commit(Reader& reader, std::size_t text_bytes_max) {
    Commit commit;
    commit.round = reader.u64();
    commit.attempt = reader.u32();
    commit.digest = reader.digest();
    commit.members = decode_members(reader, text_bytes_max);
    commit.final = reader.boolean();
    return commit;
}

namespace {

void encode(Writer& writer, const MergeMethod& method) {
    writer.u8(static_cast<std::uint8_t>(method.rule));
    if (method.rule == MergeRule::of_program) {
        writer.string(method.name);
        writer.u8(static_cast<std::uint8_t>(method.parameters.size()));
    }
    for (const double parameter : method.parameters) {
        writer.f64(parameter);
    }
}

MergeMethod decode_merge_method(Reader& reader) {
    MergeMethod method;
    method.rule = static_cast<MergeRule>(reader.u8());
    std::size_t parameters = 0;
    if (method.rule == MergeRule::of_program) {
        method.name = reader.string(merge_rule_name_max);
        parameters = std::min<std::size_t>(reader.u8(), merge_parameters_max + 1);
    } else if (const MergeRuleRow* const row = row_of(method)) {
        parameters = row->parameters.size();
    }
    for (std::size_t i = 0; i < parameters; ++i) {
        method.parameters.push_back(reader.f64());
    }
    if (!check(method)) {
        reader.fail();
        return {};
    }
    return method;
}

void encode(Writer& writer, const CompressionMethod& method) {
    writer.u8(static_cast<std::uint8_t>(method.kind));
    if (method.kind == Compression::top_k) {
        writer.f64(method.fraction);
    }
}

CompressionMethod decode_compression(Reader& reader) {
    CompressionMethod method;
    method.kind = decode_enum(reader, Compression::none, Compression::top_k);
    if (method.kind == Compression::top_k) {
        method.fraction = reader.f64();
    }
    if (!is_valid(method)) {
        reader.fail();
        return {};
    }
    return method;
}

}  // namespace

void encode(Writer& writer, const ContractConfig& config) {
    writer.u32(config.min_peers);
    writer.u32(config.sync_frequency);
    encode(writer, config.merge);
    encode(writer, config.compression);
    writer.u8(static_cast<std::uint8_t>(config.non_finite));
    writer.u8(static_cast<std::uint8_t>(config.exchange));
    writer.u8(static_cast<std::uint8_t>(config.durable));
    writer.i64(config.grace_ns);
    writer.i64(config.wait_limit_ns);
    writer.u64(config.slowest_link);
    writer.digest(config.layout_fingerprint);
    writer.u64(config.layout_bytes);
}

ContractConfig decode_contract_config(Reader& reader) {
    ContractConfig config;
    config.min_peers = reader.u32();
    config.sync_frequency = reader.u32();
    config.merge = decode_merge_method(reader);
    config.compression = decode_compression(reader);
    config.non_finite = decode_enum(reader, NonFinitePolicy::refuse, NonFinitePolicy::allow);
    config.exchange = decode_enum(reader, ExchangePlan::automatic, ExchangePlan::tree);
    config.durable = decode_enum(reader, Durability::all, Durability::none);
    config.grace_ns = reader.i64();
    config.wait_limit_ns = reader.i64();
    config.slowest_link = reader.u64();
    config.layout_fingerprint = reader.digest();
    config.layout_bytes = reader.u64();
    constexpr std::int64_t duration_max = contract_wait_max.count();
    if (config.min_peers == 0 || config.min_peers < least_min_peers(config.merge) ||
        config.min_peers > members_max || config.sync_frequency == 0 || config.grace_ns < 0 ||
        config.grace_ns > duration_max || config.wait_limit_ns < 0 ||
        config.wait_limit_ns > duration_max || config.slowest_link == 0) {
        reader.fail();
    }
    return config;
}

void encode(Writer& writer, const CheckIn& check_in) {
    writer.u32(check_in.weight);
    writer.u64(check_in.samples);
    writer.u32(check_in.epochs_done);
    writer.u32(check_in.epochs_total);
    writer.boolean(check_in.finished);
    writer.boolean(check_in.fresh);
    writer.f64(check_in.loss);
    writer.boolean(check_in.non_finite);
    encode(writer, *check_in.scalars);
}

CheckIn decode_check_in(Reader& reader) {
    CheckIn check_in;
    check_in.weight = reader.u32();
    check_in.samples = reader.u64();
    check_in.epochs_done = reader.u32();
    check_in.epochs_total = reader.u32();
    check_in.finished = reader.boolean();
    check_in.fresh = reader.boolean();
    check_in.loss = reader.f64();
    check_in.non_finite = reader.boolean();
    check_in.scalars = decode_scalars(reader);
    if (check_in.weight > weight_max) {
        reader.fail();
    }
    return check_in;
}

void encode(Writer& writer, const ContractView& view) {
    writer.string(view.name);
    writer.u32(view.run);
    writer.u64(view.version);
    writer.u8(static_cast<std::uint8_t>(view.phase));
    writer.u64(view.round);
    writer.u32(view.attempt);
    writer.u32(view.checked_in);
    writer.u32(view.min_peers);
    encode(writer, view.phase == ContractPhase::exchanging ? view.frozen : view.holders);
    encode(writer, view.departed);
    writer.boolean(view.last_commit.has_value());
    if (view.last_commit) {
        encode(writer, *view.last_commit);
    }
    writer.boolean(view.all_stayed);
    writer.string(view.reason);
}

std::uint64_t encoded_size(const ContractView& view) {
    const std::uint64_t none = encoded_size(MemberList());
    ContractView rest = view;
    std::uint64_t bytes = 0;
    if (view.phase == ContractPhase::exchanging) {
        bytes = encoded_size(view.frozen) - none;
        rest.frozen.clear();
    }
    if (rest.last_commit) {
        bytes += encoded_size(rest.last_commit->members) - none;
        rest.last_commit->members.clear();
    }
    Writer writer;
    encode(writer, rest);
    return bytes + writer.bytes().size();
}

ContractView decode_contract_view(Reader& reader) {
    ContractView view;
    view.name = reader.string(contract_name_max);
    view.run = reader.u32();
    view.version = reader.u64();
    view.phase = decode_enum(reader, ContractPhase::gathering, ContractPhase::aborted);
    view.round = reader.u64();
    view.attempt = reader.u32();
    view.checked_in = reader.u32();
    view.min_peers = reader.u32();
    MemberList members = decode_members(reader);
    if (view.phase == ContractPhase::exchanging) {
        view.frozen = std::move(members);
    } else if (members.size() <= holders_max) {
        view.holders = std::move(members);
    } else {
        reader.fail();
    }
    view.departed = decode_node_ids(reader, members_max);
    if (reader.boolean()) {
        view.last_commit = decode_commit(reader, list_text_bytes_max);
    }
    view.all_stayed = reader.boolean();
    view.reason = reader.string(reason_max);
    return view;
}

}  // namespace starling
