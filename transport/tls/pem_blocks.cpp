// Reads PEM files strictly. The BEGIN marks are counted first, so that a damaged block is an error
// with its number, and does not end the file early: a CA or a revocation list would be missing
// unnoticed.
#include "transport/tls/pem_blocks.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "transport/tls/tls_errors.hpp"
#include "transport/tls/trust_store.hpp"

namespace starling {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using CertPtr = std::shared_ptr<X509>;

constexpr std::size_t file_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr int rsa_bits_min = 2048;
constexpr const char* keys_that_fit =
    ": make one of RSA with 2048 bits or more, ECDSA on P-256, P-384 or P-521, Ed25519 or Ed448";

Result<std::string> read_text(const std::string& flag, const std::string& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text;
    char buffer[4096];
    while (stream.read(buffer, sizeof buffer), stream.gcount() > 0) {
        text.append(buffer, static_cast<std::size_t>(stream.gcount()));
        if (text.size() > file_bytes_max) {
            return file_error(flag, file, "has more than 16 MiB: is it a file of certificates?");
        }
    }
    if (!stream.eof()) {
        return file_error(flag, file, std::string("can't be read: ") + std::strerror(errno));
    }
    return text;
}

BioPtr bio_over(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

/// A block as returned by PEM_read_bio().
struct Block {
    Block() = default;
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() {
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
};

/// Adds a certificate or a revocation list; ignores other kinds. \return  false: it is damaged.
bool take_block(const Block& block, PemBlocks& blocks) {
    const std::string_view name = block.name;
    const unsigned char* at = block.data;
    if (name == PEM_STRING_X509 || name == PEM_STRING_X509_OLD) {
        CertPtr made(d2i_X509(nullptr, &at, block.size), &X509_free);
        blocks.certificates.push_back(made);
        return made != nullptr;
    }
    if (name == PEM_STRING_X509_TRUSTED) {
        CertPtr made(d2i_X509_AUX(nullptr, &at, block.size), &X509_free);
        blocks.certificates.push_back(made);
        return made != nullptr;
    }
    if (name == PEM_STRING_X509_CRL) {
        std::shared_ptr<X509_CRL> made(d2i_X509_CRL(nullptr, &at, block.size), &X509_CRL_free);
        blocks.lists.push_back(made);
        return made != nullptr;
    }
    return true;
}

std::size_t count_marks(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = text.find(begin_mark); at != std::string_view::npos;
         at = text.find(begin_mark, at + 1)) {
        ++count;
    }
    return count;
}

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

}  // namespace

Result<PemBlocks> read_pem_file(const std::string& flag, const std::string& file) {
    const Result<std::string> text = read_text(flag, file);
    if (!text) {
        return text.error();
    }
    const std::size_t begun = count_marks(*text);
    const BioPtr bio = bio_over(*text);
    PemBlocks blocks;
    ERR_clear_error();
    for (std::size_t number = 1; number <= begun; ++number) {
        Block block;
        if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.data, &block.size) != 1 ||
            !take_block(block, blocks)) {
            return file_error(flag, file,
                              "block " + std::to_string(number) + " of the " +
                                  std::to_string(begun) + " in it is cut or damaged" +
                                  openssl_reason() + ": copy the whole file again");
        }
    }
    ERR_clear_error();
    return blocks;
}

Result<std::shared_ptr<EVP_PKEY>> read_private_key(const std::string& flag,
                                                   const std::string& file) {
    const Result<std::string> text = read_text(flag, file);
    if (!text) {
        return text.error();
    }
    const BioPtr bio = bio_over(*text);
    std::shared_ptr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), &EVP_PKEY_free);
    if (!key) {
        return file_error(flag, file,
                          "is no private key in PEM form without a passphrase" + openssl_reason());
    }
    return key;
}

Bytes encode_chain(const std::vector<CertPtr>& certificates) {
    Bytes bytes;
    for (const CertPtr& certificate : certificates) {
        unsigned char* encoded = nullptr;
        const int length = i2d_X509(certificate.get(), &encoded);
        const auto* der = reinterpret_cast<const std::byte*>(encoded);
        bytes.insert(bytes.end(), der, der + std::max(length, 0));
        OPENSSL_free(encoded);
    }
    return bytes;
}

Result<std::vector<CertPtr>> decode_chain(ByteView bytes) {
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    const unsigned char* const end = at + bytes.size();
    std::vector<CertPtr> chain;
    while (at != end && chain.size() <= chain_depth_max) {
        CertPtr made(d2i_X509(nullptr, &at, end - at), &X509_free);
        ERR_clear_error();
        if (!made) {
            break;
        }
        chain.push_back(std::move(made));
    }
    if (chain.empty() || at != end) {
        return Error{Errc::refused, "what it shows as its certificate is none"};
    }
    return chain;
}

std::string key_fault(const EVP_PKEY& key) {
    const int type = EVP_PKEY_get_base_id(&key);
    const std::string bits = std::to_string(EVP_PKEY_get_bits(&key));
    switch (type) {
        case EVP_PKEY_RSA:
        case EVP_PKEY_RSA_PSS:
            return EVP_PKEY_get_bits(&key) >= rsa_bits_min
                       ? ""
                       : "its RSA key of " + bits + " bits is too weak" + keys_that_fit;
        case EVP_PKEY_ED25519:
        case EVP_PKEY_ED448:
            return "";
        case EVP_PKEY_EC:
            break;
        default: {
            const char* name = OBJ_nid2sn(type);
            return "TLS 1.3 can't use its key, which is of type " +
                   std::string(name == nullptr ? "unknown" : name) + keys_that_fit;
        }
    }
    char curve[80] = "";
    std::size_t length = 0;
    if (EVP_PKEY_get_group_name(&key, curve, sizeof curve, &length) != 1) {
        ERR_clear_error();
        return "TLS 1.3 can't use its EC key, whose curve has no name" + std::string(keys_that_fit);
    }
    const int nid = OBJ_sn2nid(curve);
    if (nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1) {
        return "";
    }
    return "TLS 1.3 can't use its EC key on the curve " + std::string(curve) + keys_that_fit;
}

}  // namespace starling
