// A licence is read in this order: the issuer's public key, the text, its signature, the server
// that it names. Both files are read up to a bound, since --licence may name any file.
#include "transport/crypto/licence_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "transport/crypto/ed25519.hpp"

namespace starling {

Result<std::string> read_small_file(const std::string& flag, const std::string& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text(licence_bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad() || (stream.gcount() == 0 && !stream.eof())) {
        return Error{Errc::io, flag + " " + file + ": can't be read: " + std::strerror(errno)};
    }
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > licence_bytes_max) {
        return Error{Errc::io, flag + " " + file + ": has more than 65536 bytes"};
    }
    return text;
}

Result<Licence> load_licence(const std::string& licence_file, const std::string& key_file,
                             const NodeId& server) {
    const Result<std::string> key = read_small_file("--licence-key", key_file);
    if (!key) {
        return key.error();
    }
    const Result<std::unique_ptr<SignatureVerifier>> issuer = make_verifier(*key);
    if (!issuer) {
        return Error{Errc::refused, "--licence-key " + key_file + ": " + issuer.error().message};
    }
    const Result<std::string> text = read_small_file("--licence", licence_file);
    if (!text) {
        return text.error();
    }
    Result<Licence> licence = read_licence(*text, **issuer);
    if (!licence) {
        return Error{Errc::refused, "--licence " + licence_file + ": " + licence.error().message};
    }
    if (!licence->server.empty() && licence->server != server.name) {
        return Error{Errc::refused, "--licence " + licence_file +
                                        ": it is for the licence server '" + licence->server +
                                        "', this one is '" + server.name + "'"};
    }
    return licence;
}

}  // namespace starling
