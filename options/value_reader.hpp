#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options/flag_table.hpp"
#include "options/node_options.hpp"

namespace starling {

/// Reads values of a command line's flags and keeps the first error: Errc::usage, which names the
/// flag or variable. After an error the values that are returned mean nothing.
class ValueReader {
public:
    /// \param program  for errors: "See PROGRAM --help"
    ValueReader(const FlagValues& values, std::string_view program, HostNames names)
        : values_(values), program_(program), names_(names) {}

    std::uint16_t port(std::string_view flag, std::uint16_t fallback);
    /// A whole number from `least` to `most`.
    std::uint32_t number(std::string_view flag, std::uint32_t least, std::uint32_t most,
                         std::uint32_t fallback);
    std::string host(std::string_view flag);
    /// HOST or HOST:PORT; an IPv6 address with a port is in brackets.
    std::optional<Address> service(std::string_view flag, std::uint16_t port_default);
    /// The same of a repeatable flag.
    std::vector<Address> services(std::string_view flag, std::uint16_t port_default);
    /// ADDRESS:PORT to listen on: an IP address, which may mean every address of this host.
    std::optional<Address> listen_address(std::string_view flag);
    /// All values of a repeatable flag.
    std::vector<std::string> all(std::string_view flag) const;
    std::string name(std::string_view flag);
    std::vector<NodeId> names(std::string_view flag);
    std::string path(std::string_view flag, std::string_view fallback = "");
    /// The flags of identity_flags().
    void identity(CommonOptions& common);
    std::string log_level(std::string_view flag);
    /// Split like a shell does.
    std::vector<std::string> words(std::string_view flag);
    /// NAME=VALUE, repeatable.
    std::map<std::string, std::string> variables(std::string_view flag);

    void refuse(const std::string& what);
    const std::optional<Error>& error() const { return error_; }

private:
    Address address_of(const FlagValues::Value& value, std::uint16_t port_default);
    void refuse_wildcard(const FlagValues::Value& value, const std::string& host);
    void fail(const FlagValues::Value& value, const std::string& what);

    const FlagValues& values_;
    std::string_view program_;
    HostNames names_;
    std::optional<Error> error_;
};

}  // namespace starling
