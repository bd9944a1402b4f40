#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace starling {

/// What happens at an event: called once, and moved, never copied. Unlike std::function it has room
/// for what nearly all events capture, so that an event takes no memory of its own, and one access
/// to memory that is in no cache instead of two.
class SimCallback {
public:
    SimCallback() = default;
    template <typename Call>
    requires(!std::is_same_v<std::remove_cvref_t<Call>, SimCallback>)
        SimCallback(Call&& call) {  // NOLINT(google-explicit-constructor): as std::function
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
    SimCallback(SimCallback&& other) noexcept { take(other); }
    SimCallback& operator=(SimCallback&& other) noexcept {
        if (this != &other) {
            drop();
            take(other);
        }
        return *this;
    }
    SimCallback(const SimCallback&) = delete;
    SimCallback& operator=(const SimCallback&) = delete;
    ~SimCallback() { drop(); }

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
    struct Kind {
        void (*call)(void*);
        void (*move)(void* from, void* to) noexcept;  ///< `from` is destroyed
        void (*destroy)(void*) noexcept;
    };
    static constexpr std::size_t room_bytes = 56;

    template <typename Stored>
    static constexpr bool fits = sizeof(Stored) <= room_bytes &&
                                 alignof(Stored) <= alignof(std::max_align_t) &&
                                 std::is_nothrow_move_constructible_v<Stored>;
    template <typename Stored>
    static constexpr Kind kind_of = {
        [](void* at) { (*static_cast<Stored*>(at))(); },
        [](void* from, void* to) noexcept {
            ::new (to) Stored(std::move(*static_cast<Stored*>(from)));
            static_cast<Stored*>(from)->~Stored();
        },
        [](void* at) noexcept { static_cast<Stored*>(at)->~Stored(); }};

    void take(SimCallback& other) noexcept {
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
    const Kind* kind_ = nullptr;
};

}  // namespace starling
