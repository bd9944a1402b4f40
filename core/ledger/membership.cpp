#include "core/ledger/membership.hpp"

#include <set>

namespace starling {

Bytes encode_membership(const std::vector<Server>& servers) {
    Writer writer;
    writer.u32(static_cast<std::uint32_t>(servers.size()));
    for (const Server& server : servers) {
        encode(writer, server);
    }
    return writer.take();
}

Result<std::vector<Server>> decode_membership(ByteView data) {
    Reader reader(data);
    std::vector<Server> servers(reader.count(server_bytes_min, servers_max));
    std::set<NodeId> names;
    std::set<std::uint64_t> numbers;
    for (Server& server : servers) {
        server = decode_server(reader);
        if (!names.insert(server.node).second || !numbers.insert(server.number).second) {
            reader.fail();
        }
    }
    if (!reader.done() || servers.empty()) {
        return Error{Errc::malformed, "a membership record that names no servers"};
    }
    return servers;
}

}  // namespace starling
