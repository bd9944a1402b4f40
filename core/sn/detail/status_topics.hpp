#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_writer.hpp"
#include "core/sn/sn_status.hpp"

namespace starling {

// The topics of status_json(), one function each; and what they share.

void write_servers(JsonWriter& json, const SnStatusSource& source);
void write_roll(JsonWriter& json, const SnStatusSource& source);
void write_nodes(JsonWriter& json, const SnStatusSource& source);
void write_contracts(JsonWriter& json, const SnStatusSource& source);
/// \param with_scalars  also what the members' programs have reported by name.
void write_contract(JsonWriter& json, const SnStatusSource& source, const Contract& contract,
                    bool with_scalars);
void write_round(JsonWriter& json, const SnStatusSource& source, const Contract& contract);

/// Begins the object of an answer: who leads, and who is away.
JsonWriter& begin_answer(JsonWriter& json, const SnStatusSource& source);
void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names);
bool is_connected(const SnStatusSource& source, const NodeId& node);
std::int64_t milliseconds(SwarmDuration duration);

}  // namespace starling
