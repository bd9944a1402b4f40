#include "core/ledger/membership.hpp"

#include <set>

namespace starling {

void encode_servers(Writer& writer, const std::vector<Server>& servers) {
    writer.u32(static_cast<std::uint32_t>(servers.size()));
    for (const Server& server : servers) {
        encode(writer, server);
    }
}

std::vector<Server> decode_servers(Reader& reader) {
    std::vector<Server> servers(reader.count(server_bytes_min, servers_max));
    for (Server& server : servers) {
        server = decode_server(reader);
    }
    return servers;
}

Bytes encode_membership(const std::vector<Server>& servers) {
    Writer writer;
    encode_servers(writer, servers);
    return writer.take();
}

bool are_distinct(const std::vector<Server>& servers) {
    std::set<NodeId> names;
    std::set<std::uint64_t> numbers;
    for (const Server& server : servers) {
        names.insert(server.node);
        numbers.insert(server.number);
    }
    return names.size() == servers.size() && numbers.size() == servers.size();
}

Result<std::vector<Server>> decode_membership(ByteView data) {
    Reader reader(data);
    std::vector<Server> servers = decode_servers(reader);
    if (!reader.done() || servers.empty() || !are_distinct(servers)) {
        return Error{Errc::malformed, "a membership record that names no servers"};
    }
    return servers;
}

}  // namespace starling
