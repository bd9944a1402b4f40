// A licence is a text with an Ed25519 signature of its issuer. Its last day is included:
// valid_until is the first second after it.
#include "deploy/licence/issue_licence.hpp"

#include <filesystem>

#include "deploy/certs/cert_files.hpp"
#include "transport/crypto/ed25519.hpp"
#include "transport/crypto/licence_file.hpp"

namespace starling {
namespace {

constexpr std::size_t licensee_max = 200;
constexpr std::int64_t day_seconds = 86400;

Result<void> must_be_new(const std::string& flag, const std::string& file) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
        return Error{Errc::usage, flag + ": " + file + " already exists; choose another name"};
    }
    return {};
}

Result<std::int64_t> date_of(const std::string& flag, const std::string& text) {
    Result<std::int64_t> date = parse_date(text);
    return date ? date : Error{Errc::usage, flag + ": " + date.error().message};
}

Result<Licence> requested_licence(const AplsOptions& options, const std::string& today) {
    Licence licence;
    licence.licensee = options.licensee;
    if (licence.licensee.size() > licensee_max ||
        licence.licensee.find_first_of("\r\n") != std::string::npos) {
        return Error{Errc::usage, "--licensee must be one line of 1 to 200 bytes"};
    }
    licence.server = options.server;
    licence.seats = {{Role::sn, options.sn_seats}, {Role::sl, options.sl_seats}};
    if (options.sn_seats == 0 && options.sl_seats == 0) {
        return Error{Errc::usage,
                     "--seats-sn and --seats-sl are both 0: the licence would have no seats"};
    }
    const Result<std::int64_t> from =
        options.from.empty() ? parse_date(today) : date_of("--from", options.from);
    const Result<std::int64_t> until = date_of("--until", options.until);
    if (!from || !until) {
        return from ? until.error() : from.error();
    }
    licence.valid_from = *from;
    licence.valid_until = *until + day_seconds;
    if (licence.valid_until <= licence.valid_from) {
        return Error{Errc::usage, "--until " + options.until + " is before the first day, " +
                                      date_text(licence.valid_from)};
    }
    return licence;
}

}  // namespace

Result<std::string> make_issuer_keys(const AplsOptions& options) {
    const std::string secret = options.out + "-key.pem";
    const std::string open = options.out + "-public.pem";
    for (const std::string& file : {secret, open}) {
        if (const Result<void> fresh = must_be_new("--make-key", file); !fresh) {
            return fresh.error();
        }
    }
    const Result<SigningKeys> keys = make_signing_keys();
    if (!keys) {
        return keys.error();
    }
    if (const Result<void> ok = write_file(secret, keys->private_pem, FileMode::secret); !ok) {
        return ok.error();
    }
    if (const Result<void> ok = write_file(open, keys->public_pem, FileMode::readable); !ok) {
        return ok.error();
    }
    return "Issuer's keys: keep " + secret + " secret; give " + open +
           " to every licence server (--licence-key).\n";
}

Result<std::string> issue_licence(const AplsOptions& options, const std::string& today) {
    if (const Result<void> fresh = must_be_new("--issue", options.out); !fresh) {
        return fresh.error();
    }
    const Result<Licence> licence = requested_licence(options, today);
    if (!licence) {
        return licence.error();
    }
    const Result<std::string> key = read_small_file("--issuer-key", options.issuer_key);
    if (!key) {
        return key.error();
    }
    const std::string text = licence_text(*licence);
    const Result<Bytes> signature = sign(*key, std::as_bytes(std::span(text)));
    if (!signature) {
        return Error{Errc::usage,
                     "--issuer-key " + options.issuer_key + ": " + signature.error().message};
    }
    const std::string file = signed_licence(text, *signature);
    if (const Result<void> ok = write_file(options.out, file, FileMode::readable); !ok) {
        return ok.error();
    }
    return file + "Written to " + options.out + ".\n";
}

}  // namespace starling
