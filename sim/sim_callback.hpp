#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace starling {

/// What a SimCallback can do with what it holds.
struct SimCallbackKind {
    void (*call)(void*);
    void (*move)(void* from, void* to) noexcept;  ///< `from` is destroyed
    void (*destroy)(void*) noexcept;
    std::size_t bytes;
};

template <std::size_t room_bytes>
class SimCallbackOf;
template <typename T>
constexpr bool is_sim_callback = false;
template <std::size_t room_bytes>
constexpr bool is_sim_callback<SimCallbackOf<room_bytes>> = true;

/// What happens at an event: called once, and moved, never copied. Unlike std::function it has room
/// for what nearly all events capture, so that an event takes no memory of its own, and one access
/// to memory that is in no cache instead of two.
template <std::size_t room_bytes>
class SimCallbackOf {
public:
    static constexpr std::size_t room = room_bytes;

    SimCallbackOf() = default;
    template <typename Call>
    requires(!is_sim_callback<std::remove_cvref_t<Call>>)
        SimCallbackOf(Call&& call) {  // NOLINT(google-explicit-constructor): as std::function
        using Stored = std::remove_cvref_t<Call>;
        if constexpr (fits<Stored>) {
            ::new (static_cast<void*>(room_.data())) Stored(std::forward<Call>(call));
            kind_ = &kind_of<Stored>;
        } else {
            auto boxed = [box = std::make_unique<Stored>(std::forward<Call>(call))] { (*box)(); };
            ::new (static_cast<void*>(room_.data())) decltype(boxed)(std::move(boxed));
            kind_ = &kind_of<decltype(boxed)>;
        }
    }
    SimCallbackOf(SimCallbackOf&& other) noexcept { take(other); }
    /// \pre  this one has room for it
    template <std::size_t other_bytes>
    requires(other_bytes != room_bytes) SimCallbackOf(SimCallbackOf<other_bytes>&& other)
    noexcept {  // NOLINT: as the one before
        take(other);
    }
    SimCallbackOf& operator=(SimCallbackOf&& other) noexcept {
        if (this != &other) {
            drop();
            take(other);
        }
        return *this;
    }
    SimCallbackOf(const SimCallbackOf&) = delete;
    SimCallbackOf& operator=(const SimCallbackOf&) = delete;
    ~SimCallbackOf() { drop(); }

    /// Of what it holds. \pre  not empty
    std::size_t bytes() const { return kind_->bytes; }
    /// \pre  not empty
    void operator()() { kind_->call(room_.data()); }

    /// Has the processor fetch what the captured pointers point to, as far as that is not in its
    /// caches. Words that are no pointers, or were never set, do no harm: a prefetch never fails.
    /// Without a branch on how many were set, for which the processor would wait.
    void prefetch_captured() const {
        for (std::size_t at = 0; at < room_bytes; at += sizeof(void*)) {
            const void* word = nullptr;
            std::memcpy(&word, room_.data() + at, sizeof(word));
            __builtin_prefetch(word);
        }
    }

private:
    template <std::size_t>
    friend class SimCallbackOf;

    template <typename Stored>
    static constexpr bool fits = sizeof(Stored) <= room_bytes &&
                                 alignof(Stored) <= alignof(std::max_align_t) &&
                                 std::is_nothrow_move_constructible_v<Stored>;
    template <typename Stored>
    static constexpr SimCallbackKind kind_of = {
        [](void* at) { (*static_cast<Stored*>(at))(); },
        [](void* from, void* to) noexcept {
            ::new (to) Stored(std::move(*static_cast<Stored*>(from)));
            static_cast<Stored*>(from)->~Stored();
        },
        [](void* at) noexcept { static_cast<Stored*>(at)->~Stored(); }, sizeof(Stored)};

    template <std::size_t other_bytes>
    void take(SimCallbackOf<other_bytes>& other) noexcept {
        kind_ = std::exchange(other.kind_, nullptr);
        if (kind_ != nullptr) {
            kind_->move(other.room_.data(), room_.data());
        }
    }
    void drop() noexcept {
        if (kind_ != nullptr) {
            std::exchange(kind_, nullptr)->destroy(room_.data());
        }
    }

    alignas(std::max_align_t) std::array<std::byte, room_bytes> room_;
    const SimCallbackKind* kind_ = nullptr;
};

using SimCallback = SimCallbackOf<56>;
/// For the timers of nodes, of which a large swarm has a million that wait.
using SmallSimCallback = SimCallbackOf<24>;

}  // namespace starling
