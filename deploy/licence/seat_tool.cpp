#include "deploy/licence/seat_tool.hpp"

#include <cstdio>

#include "core/json/json.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/host/tool_client.hpp"

namespace starling {
namespace {

constexpr std::string_view program = "run-apls";

std::string text_at(const JsonValue& object, std::string_view key) {
    const JsonValue* value = object.find(key);
    return value == nullptr ? "?" : value->text;
}

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

std::string seats_text(const JsonValue& answer) {
    std::string text = "Licence of " + text_at(answer, "licensee") + ", from " +
                       text_at(answer, "from") + " until " + text_at(answer, "until") +
                       (text_at(answer, "valid") == "true" ? "" : " (NOT VALID TODAY)") + "\n";
    if (const JsonValue* seats = answer.find("seats")) {
        for (const auto& [unnamed, seat] : seats->items) {
            text += padded(text_at(seat, "role"), 6) + text_at(seat, "taken") + " of " +
                    text_at(seat, "all") + " seats taken\n";
        }
    }
    const JsonValue* holders = answer.find("holders");
    if (holders != nullptr && !holders->items.empty()) {
        text += "\n" + padded("NAME", 20) + padded("ROLE", 6) + padded("CONNECTED", 11) +
                "LEASE ENDS IN\n";
        for (const auto& [unnamed, holder] : holders->items) {
            text += padded(text_at(holder, "name"), 20) + padded(text_at(holder, "role"), 6) +
                    padded(text_at(holder, "connected") == "true" ? "yes" : "no", 11) +
                    text_at(holder, "expires_in_ms") + " ms\n";
        }
    }
    const JsonValue* revoked = answer.find("revoked");
    if (revoked != nullptr && !revoked->items.empty()) {
        text += "\nBarred from a seat:";
        for (const auto& [unnamed, name] : revoked->items) {
            text += " " + name.text;
        }
        text += "\n";
    }
    return text;
}

}  // namespace

Result<int> run_seat_tool(const AplsOptions& options) {
    if (const auto ok = have_identity(options.common); !ok) {
        return ok.error();
    }
    const Result<Identity> identity = check_identity(identity_files(options.common), Role::tool);
    if (!identity) {
        return identity.error();
    }
    ServerCall call{program, identity->name, options.common.apls, Role::apls,
                    StatusQuery{0, "seats", "", false}};
    if (options.command != AplsOptions::Command::list) {
        call.request = SeatRule{0, options.subject, options.command == AplsOptions::Command::allow};
    }
    return call_server(options.common, std::move(call), [&](std::string_view json) {
        const Result<JsonValue> answer = parse_json(json);
        const std::string text =
            options.json || !answer ? std::string(json) + "\n" : seats_text(*answer);
        return std::fputs(text.c_str(), stdout) >= 0;
    });
}

}  // namespace starling
