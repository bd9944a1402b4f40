// A provider of OpenSSL (provider(7), provider-cipher(7)) with one cipher, by libipsec-mb.
//
// Before it is used, it has to compute what OpenSSL computes.
#include "transport/crypto/vector_gcm.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "core/base/bytes.hpp"
#include "transport/crypto/ipsec_mb.hpp"

#if defined(STARLING_HAS_IPSEC_MB)

namespace starling {
namespace {

constexpr std::size_t gcm_key_bytes = 16;
constexpr std::size_t gcm_iv_bytes = 12;
constexpr std::size_t gcm_tag_bytes = 16;
constexpr const char* gcm_provider_name = "starling-vector-gcm";

const IMB_MGR* mb() { return ipsec_mb().functions; }

std::atomic<std::uint64_t> keys_given{0};

/// One key, and the message that is being encrypted or decrypted.
struct VectorGcm {
    /// Cleared by the destructor.
    alignas(64) gcm_key_data key{};
    gcm_context_data message{};
    std::array<std::uint8_t, gcm_iv_bytes> iv{};
    std::array<std::uint8_t, gcm_tag_bytes> tag{};
    bool encrypts = false;
    bool has_key = false;
    bool has_iv = false;  ///< of a message that has not ended: no IV is used twice
    bool has_tag = false;
    bool begun = false;  ///< the message's additional data is complete

    VectorGcm() = default;
    VectorGcm(const VectorGcm&) = default;
    VectorGcm& operator=(const VectorGcm&) = delete;
    ~VectorGcm() {
        OPENSSL_cleanse(&key, sizeof key);
        OPENSSL_cleanse(&message, sizeof message);
    }

    void begin(const std::uint8_t* additional, std::size_t size) {
        // The library wants a pointer to nothing, too.
        mb()->gcm128_init(&key, &message, iv.data(), size > 0 ? additional : iv.data(), size);
        begun = true;
    }
};

VectorGcm& gcm_of(void* context) { return *static_cast<VectorGcm*>(context); }

void* gcm_new(void* /*provider*/) { return new (std::nothrow) VectorGcm; }
void gcm_free(void* context) { delete static_cast<VectorGcm*>(context); }
void* gcm_copy(void* context) { return new (std::nothrow) VectorGcm(gcm_of(context)); }

int gcm_set_params(void* context, const OSSL_PARAM* params) {
    VectorGcm& gcm = gcm_of(context);
    if (params == nullptr) {
        return 1;
    }
    if (const OSSL_PARAM* size = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_IVLEN)) {
        std::size_t bytes = 0;
        if (OSSL_PARAM_get_size_t(size, &bytes) != 1 || bytes != gcm_iv_bytes) {
            return 0;
        }
    }
    if (const OSSL_PARAM* tag = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TAG)) {
        if (gcm.encrypts || tag->data_type != OSSL_PARAM_OCTET_STRING || tag->data == nullptr ||
            tag->data_size != gcm_tag_bytes) {
            return 0;
        }
        std::memcpy(gcm.tag.data(), tag->data, gcm_tag_bytes);
        gcm.has_tag = true;
    }
    return 1;
}

int gcm_init(void* context, bool encrypts, ByteView key, ByteView iv, const OSSL_PARAM* params) {
    VectorGcm& gcm = gcm_of(context);
    gcm.encrypts = encrypts;
    if (!key.empty()) {
        if (key.size() != gcm_key_bytes) {
            return 0;
        }
        mb()->gcm128_pre(key.data(), &gcm.key);
        gcm.has_key = true;
        keys_given.fetch_add(1, std::memory_order_relaxed);
    }
    if (!iv.empty()) {
        if (iv.size() != gcm_iv_bytes) {
            return 0;
        }
        std::memcpy(gcm.iv.data(), iv.data(), gcm_iv_bytes);
        gcm.has_iv = true;
        gcm.has_tag = false;
        gcm.begun = false;
    }
    return gcm_set_params(context, params);
}

ByteView bytes_at(const unsigned char* data, std::size_t size) {
    return data == nullptr ? ByteView() : std::as_bytes(std::span(data, size));
}

int gcm_encrypt_init(void* context, const unsigned char* key, std::size_t key_size,
                     const unsigned char* iv, std::size_t iv_size, const OSSL_PARAM* params) {
    return gcm_init(context, true, bytes_at(key, key_size), bytes_at(iv, iv_size), params);
}
int gcm_decrypt_init(void* context, const unsigned char* key, std::size_t key_size,
                     const unsigned char* iv, std::size_t iv_size, const OSSL_PARAM* params) {
    return gcm_init(context, false, bytes_at(key, key_size), bytes_at(iv, iv_size), params);
}

/// Without `out`: the additional data, all of it, before the first byte of the message.
int gcm_update(void* context, unsigned char* out, std::size_t* out_size, std::size_t out_max,
               const unsigned char* in, std::size_t size) {
    VectorGcm& gcm = gcm_of(context);
    if (!gcm.has_key || !gcm.has_iv || (out == nullptr && gcm.begun) ||
        (out != nullptr && size > out_max)) {
        return 0;
    }
    *out_size = size;
    if (out == nullptr) {
        gcm.begin(in, size);
        return 1;
    }
    if (!gcm.begun) {
        gcm.begin(nullptr, 0);
    }
    if (size > 0) {
        const auto update = gcm.encrypts ? mb()->gcm128_enc_update : mb()->gcm128_dec_update;
        update(&gcm.key, &gcm.message, out, in, size);
    }
    return 1;
}

int gcm_final(void* context, unsigned char* /*out*/, std::size_t* out_size,
              std::size_t /*out_max*/) {
    VectorGcm& gcm = gcm_of(context);
    if (!gcm.has_key || !gcm.has_iv || (!gcm.encrypts && !gcm.has_tag)) {
        return 0;
    }
    if (!gcm.begun) {
        gcm.begin(nullptr, 0);
    }
    *out_size = 0;
    gcm.has_iv = false;
    std::array<std::uint8_t, gcm_tag_bytes> computed{};
    if (gcm.encrypts) {
        mb()->gcm128_enc_finalize(&gcm.key, &gcm.message, computed.data(), gcm_tag_bytes);
        gcm.tag = computed;
        gcm.has_tag = true;
        return 1;
    }
    mb()->gcm128_dec_finalize(&gcm.key, &gcm.message, computed.data(), gcm_tag_bytes);
    gcm.has_tag = false;
    return CRYPTO_memcmp(computed.data(), gcm.tag.data(), gcm_tag_bytes) == 0 ? 1 : 0;
}

bool set_size(OSSL_PARAM* params, const char* name, std::size_t value) {
    OSSL_PARAM* const found = OSSL_PARAM_locate(params, name);
    return found == nullptr || OSSL_PARAM_set_size_t(found, value) == 1;
}

int gcm_get_params(OSSL_PARAM* params) {
    OSSL_PARAM* const mode = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_MODE);
    OSSL_PARAM* const is_aead = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD);
    OSSL_PARAM* const has_own_iv = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_CUSTOM_IV);
    const bool set = (mode == nullptr || OSSL_PARAM_set_uint(mode, EVP_CIPH_GCM_MODE) == 1) &&
                     (is_aead == nullptr || OSSL_PARAM_set_int(is_aead, 1) == 1) &&
                     (has_own_iv == nullptr || OSSL_PARAM_set_int(has_own_iv, 1) == 1) &&
                     set_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, 1) &&
                     set_size(params, OSSL_CIPHER_PARAM_KEYLEN, gcm_key_bytes) &&
                     set_size(params, OSSL_CIPHER_PARAM_IVLEN, gcm_iv_bytes);
    return set ? 1 : 0;
}

int gcm_get_context_params(void* context, OSSL_PARAM* params) {
    const VectorGcm& gcm = gcm_of(context);
    if (OSSL_PARAM* const tag = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD_TAG)) {
        if (!gcm.encrypts || !gcm.has_tag || tag->data_size > gcm_tag_bytes ||
            OSSL_PARAM_set_octet_string(tag, gcm.tag.data(), tag->data_size) != 1) {
            return 0;
        }
    }
    const bool set = set_size(params, OSSL_CIPHER_PARAM_KEYLEN, gcm_key_bytes) &&
                     set_size(params, OSSL_CIPHER_PARAM_IVLEN, gcm_iv_bytes) &&
                     set_size(params, OSSL_CIPHER_PARAM_AEAD_TAGLEN, gcm_tag_bytes);
    return set ? 1 : 0;
}

const OSSL_PARAM* gcm_settable(void* /*context*/, void* /*provider*/) {
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, 0),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, nullptr), OSSL_PARAM_END};
    return known;
}

template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
    return {id, reinterpret_cast<void (*)()>(function)};
}

const OSSL_ALGORITHM* gcm_query(void* /*provider*/, int operation, int* no_cache) {
    static const std::array<OSSL_DISPATCH, 12> functions{
        entry(OSSL_FUNC_CIPHER_NEWCTX, gcm_new),
        entry(OSSL_FUNC_CIPHER_FREECTX, gcm_free),
        entry(OSSL_FUNC_CIPHER_DUPCTX, gcm_copy),
        entry(OSSL_FUNC_CIPHER_ENCRYPT_INIT, gcm_encrypt_init),
        entry(OSSL_FUNC_CIPHER_DECRYPT_INIT, gcm_decrypt_init),
        entry(OSSL_FUNC_CIPHER_UPDATE, gcm_update),
        entry(OSSL_FUNC_CIPHER_FINAL, gcm_final),
        entry(OSSL_FUNC_CIPHER_GET_PARAMS, gcm_get_params),
        entry(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, gcm_get_context_params),
        entry(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, gcm_set_params),
        entry(OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, gcm_settable),
        {0, nullptr}};
    // The names are those under which the default provider has it.
    static const std::array<OSSL_ALGORITHM, 2> ciphers{
        OSSL_ALGORITHM{"AES-128-GCM:id-aes128-GCM:2.16.840.1.101.3.4.1.6",
                       "provider=starling-vector-gcm", functions.data(),
                       "AES-128-GCM by libipsec-mb"},
        OSSL_ALGORITHM{nullptr, nullptr, nullptr, nullptr}};
    *no_cache = 0;
    return operation == OSSL_OP_CIPHER ? ciphers.data() : nullptr;
}

int gcm_provider_init(const OSSL_CORE_HANDLE* /*handle*/, const OSSL_DISPATCH* /*core*/,
                      const OSSL_DISPATCH** functions, void** context) {
    static const std::array<OSSL_DISPATCH, 2> provider{
        entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, gcm_query), {0, nullptr}};
    static int no_state = 0;
    *functions = provider.data();
    *context = &no_state;
    return 1;
}

using Cipher = std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)>;

/// A message under fixed keys, long enough for all of the library's loops, with its tag; empty: it
/// can't be computed.
std::vector<unsigned char> sealed_by(EVP_CIPHER* cipher) {
    constexpr int size = 4099;
    constexpr std::array<unsigned char, gcm_key_bytes> key{1, 2, 3};
    constexpr std::array<unsigned char, gcm_iv_bytes> iv{4, 5, 6};
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
        EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    std::vector<unsigned char> sealed(size + gcm_tag_bytes);
    for (std::size_t i = 0; i < size; ++i) {
        sealed[i] = static_cast<unsigned char>(i * 167 + i / 256);
    }
    int count = 0;
    const bool made =
        context &&
        EVP_EncryptInit_ex2(context.get(), cipher, key.data(), iv.data(), nullptr) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &count, iv.data(), 5) == 1 &&
        EVP_EncryptUpdate(context.get(), sealed.data(), &count, sealed.data(), size) == 1 &&
        EVP_EncryptFinal_ex(context.get(), sealed.data() + size, &count) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, gcm_tag_bytes,
                            sealed.data() + size) == 1;
    return made ? sealed : std::vector<unsigned char>();
}

bool seal_alike(EVP_CIPHER* one, EVP_CIPHER* other) {
    const std::vector<unsigned char> sealed = sealed_by(one);
    return !sealed.empty() && sealed == sealed_by(other);
}

Cipher fetch(const char* properties) {
    return {EVP_CIPHER_fetch(nullptr, "AES-128-GCM", properties), &EVP_CIPHER_free};
}

bool is_ours(const Cipher& cipher) {
    return std::string_view(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher.get()))) ==
           gcm_provider_name;
}

struct VectorGcmState {
    const char* properties = nullptr;
    const char* missing = "";
};

VectorGcmState load_provider() {
    if (mb() == nullptr) {
        return {nullptr, ipsec_mb().missing};
    }
    // Of two implementations, fetches without properties take the one that OpenSSL has known
    // longer. That has to stay its own one, which does more than TLS 1.3 needs.
    const Cipher before = fetch(nullptr);
    if (!before || OSSL_PROVIDER_add_builtin(nullptr, gcm_provider_name, gcm_provider_init) != 1) {
        return {nullptr, "OpenSSL takes no provider"};
    }
    // Loaded until the process ends; static, so that a search for leaks finds it.
    static OSSL_PROVIDER* const provider = OSSL_PROVIDER_try_load(nullptr, gcm_provider_name, 1);
    if (provider == nullptr) {
        return {nullptr, "OpenSSL takes no provider"};
    }
    constexpr const char* properties = "?provider=starling-vector-gcm";
    const Cipher ours = fetch(properties);
    const Cipher others = fetch(nullptr);
    const bool usable =
        ours && is_ours(ours) && others && !is_ours(others) && seal_alike(ours.get(), others.get());
    if (!usable) {
        OSSL_PROVIDER_unload(provider);
        return {nullptr, "libipsec-mb does not compute what OpenSSL computes"};
    }
    return {properties, ""};
}

const VectorGcmState& vector_gcm_state() {
    static const VectorGcmState state = [] {
        const VectorGcmState loaded = load_provider();
        ERR_clear_error();
        return loaded;
    }();
    return state;
}

}  // namespace

const char* vector_gcm_properties() { return vector_gcm_state().properties; }
const char* vector_gcm_missing() { return vector_gcm_state().missing; }
std::uint64_t vector_gcm_keys() { return keys_given.load(std::memory_order_relaxed); }

}  // namespace starling

#else

namespace starling {

const char* vector_gcm_properties() { return nullptr; }
const char* vector_gcm_missing() {
    return "the program was built without libipsec-mb, which is for x86-64 CPUs";
}
std::uint64_t vector_gcm_keys() { return 0; }

}  // namespace starling

#endif
