// Neither kills nor damaged bytes may lose or change acknowledged entries of the ledger's store
// unnoticed.
#include <array>
#include <chrono>
#include <cstdio>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/random.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "tests/deploy/child_process.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t seed = 20261126;
const std::array<std::string, 3> file_names = {"ledger.sqlite", "ledger.sqlite-wal", "ledger.head"};

/// What a store must contain after a number of operations: a function of that number alone, so that
/// the test and its child process agree.
struct Model {
    std::uint64_t done = 0;
    DurableLog log;

    static Bytes record(std::uint64_t operation, std::uint64_t number) {
        Random random(seed + operation * 64 + number);
        Bytes bytes(random.below(operation % 40 == 0 ? 20'000 : 600));
        for (std::byte& byte : bytes) {
            byte = static_cast<std::byte>(random.below(256));
        }
        return bytes;
    }
    /// Performs the next operation, also on the store if there is one: an append, one that replaces
    /// some entries, or a vote.
    Result<void> go_on(SqliteStore* store) {
        Random random(seed * 3 + ++done);
        const std::uint64_t kind = random.below(10);
        if (kind == 0) {
            // As Raft does: a new term with or without a vote in it, or a first vote in the current
            // term.
            const bool same = log.vote.candidate == 0 && random.chance(0.5);
            log.vote = {7, log.vote.term + (same ? 0 : 1), same ? 9 : random.below(3)};
            return store == nullptr ? Result<void>{} : store->save_vote(log.vote);
        }
        const std::uint64_t dropped =
            kind == 1 ? std::min<std::uint64_t>(log.records.size(), 1 + random.below(3)) : 0;
        const std::uint64_t first = log.records.size() - dropped + 1;
        std::vector<Bytes> records;
        for (std::uint64_t i = 0; i < 1 + random.below(4); ++i) {
            records.push_back(record(done, i));
        }
        log.records.resize(first - 1);
        log.records.insert(log.records.end(), records.begin(), records.end());
        return store == nullptr ? Result<void>{} : store->append(first, records);
    }
    bool is(const DurableLog& other) const {
        return log.vote == other.vote && log.records == other.records;
    }
};

/// Continues `model` in a child process, which reports each completed operation. \param tidy_every
/// operations between checkpoints; the store is also closed and reopened every third time. 0:
/// never.
class Writing {
public:
    Writing(const fs::path& file, const Model& model, std::uint64_t tidy_every) {
        [[maybe_unused]] const int made = ::pipe(ends_.data());
        child_.emplace([&](const auto& ready) {
            ready();
            run(file, model, tidy_every);
        });
        ::close(ends_[1]);
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing() { ::close(ends_[0]); }

    /// Waits for one more operation. False if the child has ended.
    bool acknowledged() {
        std::uint64_t operation = 0;
        if (::read(ends_[0], &operation, sizeof operation) != sizeof operation) {
            return false;
        }
        newest_ = operation;
        return true;
    }
    /// Sends SIGKILL. \return  the last operation that was acknowledged.
    std::uint64_t kill() {
        ::kill(child_->pid(), SIGKILL);
        status_ = child_->wait();
        while (acknowledged()) {  // reports sent before it was killed
        }
        return newest_;
    }
    bool was_killed() const { return WIFSIGNALED(status_); }

private:
    void run(const fs::path& file, Model model, std::uint64_t tidy_every) const {
        for (;;) {
            auto opened = SqliteStore::open(file, openssl_hasher());
            if (!opened || !model.is(opened->log)) {
                _exit(1);
            }
            for (std::uint64_t i = 1; tidy_every == 0 || i <= 3 * tidy_every; ++i) {
                if (!model.go_on(opened->store.get()) ||
                    ::write(ends_[1], &model.done, sizeof model.done) != sizeof model.done ||
                    (tidy_every != 0 && i % tidy_every == 0 && !opened->store->maintain())) {
                    _exit(2);
                }
            }
        }
    }

    std::array<int, 2> ends_{};
    std::optional<ChildProcess> child_;
    std::uint64_t newest_ = 0;
    int status_ = 0;
};

/// Uses some processor time: a random moment is not an event to wait for.
void spend(std::chrono::microseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

TEST(StoreTorture, AcknowledgedEntriesSurvive100Kills) {
    const TemporaryDirectory directory;
    const fs::path file = directory.path() / file_names[0];
    Random random(seed);
    Model model;
    std::uint64_t in_flight = 0;
    for (int kill = 0; kill < 100; ++kill) {
        Writing writing(file, model, kill % 2 == 0 ? 0 : 4);
        for (std::uint64_t i = random.below(30); i > 0; --i) {
            ASSERT_TRUE(writing.acknowledged()) << "the store failed before kill " << kill;
        }
        spend(std::chrono::microseconds(random.below(8'000)));
        const std::uint64_t newest = writing.kill();
        ASSERT_TRUE(writing.was_killed()) << "the store failed before kill " << kill;
        while (model.done < newest) {
            ASSERT_TRUE(model.go_on(nullptr).has_value());
        }
        auto opened = SqliteStore::open(file, openssl_hasher());
        ASSERT_TRUE(opened.has_value()) << "kill " << kill << ": " << opened.error().message;
        // the operation in progress became durable, but was not reported
        if (!model.is(opened->log)) {
            ASSERT_TRUE(model.go_on(nullptr).has_value());
            ++in_flight;
        }
        ASSERT_TRUE(model.is(opened->log)) << "kill " << kill << " after operation " << newest;
    }
    std::printf("100 kills: %llu operations acknowledged, 0 lost, %llu more found durable\n",
                static_cast<unsigned long long>(model.done - in_flight),
                static_cast<unsigned long long>(in_flight));
    EXPECT_GT(model.done, 500U) << "too few operations to be a valid test";
}

enum class Outcome { noticed, harmless, silent };

struct Count {
    int tries = 0;
    int noticed = 0;
    int silent = 0;
    std::string text() const {
        return std::to_string(tries) + ": " + std::to_string(noticed) + " noticed, " +
               std::to_string(tries - noticed - silent) + " harmless, " + std::to_string(silent) +
               " silent";
    }
};

/// A store's files in four states, to be damaged.
class DamagedStore : public testing::Test {
protected:
    struct State {
        std::string name;
        fs::path place;
        Model model;
    };

    DamagedStore() {
        const fs::path place = folder.path() / "living";
        fs::create_directory(place);
        Model model;
        {
            auto opened = SqliteStore::open(place / file_names[0], openssl_hasher());
            if (!opened) {
                ADD_FAILURE() << opened.error().message;
                return;
            }
            write(model, *opened->store, 150);
            keep("all in the WAL", place, model);
            EXPECT_TRUE(opened->store->maintain().has_value());
            keep("WAL and database the same", place, model);
            write(model, *opened->store, 40);
            keep("the newest in the WAL", place, model);
        }
        EXPECT_FALSE(fs::exists(place / file_names[1])) << "a closed store has no WAL";
        keep("closed, no WAL", place, model);
    }
    static void write(Model& model, SqliteStore& store, int operations) {
        for (int i = 0; i < operations; ++i) {
            EXPECT_TRUE(model.go_on(&store).has_value());
        }
    }
    void keep(const std::string& name, const fs::path& from, const Model& model) {
        const fs::path place = folder.path() / ("state-" + std::to_string(states.size()));
        fs::copy(from, place);
        states.push_back({name, place, model});
    }
    /// Copies a state to `tried`.
    void lay_out(const State& state) const {
        fs::remove_all(tried);
        fs::copy(state.place, tried);
    }
    std::string contents() const {
        std::string all;
        for (const std::string& name : file_names) {
            all += read_text(tried / name) + "|";  // a missing WAL and an empty one are the same
        }
        return all;
    }
    /// Whatever happened to the files: either the store names them, refuses to open and leaves them
    /// unchanged, or it contains what was acknowledged and keeps working.
    Outcome outcome(Model model) const {
        const std::string before = contents();
        const auto refused = [&](const Error& error) {
            EXPECT_NE(error.message.find(tried.string()), std::string::npos)
                << "names no file: " << error.message;
            return Outcome::noticed;
        };
        {
            auto opened = SqliteStore::open(tried / file_names[0], openssl_hasher());
            if (!opened) {
                EXPECT_TRUE(contents() == before)
                    << "a refusal changed the files: " << opened.error().message;
                return refused(opened.error());
            }
            if (!model.is(opened->log)) {
                return Outcome::silent;
            }
            for (int i = 0; i < 12; ++i) {
                if (const auto done = model.go_on(opened->store.get()); !done) {
                    return refused(done.error());
                }
            }
        }
        const auto again = SqliteStore::open(tried / file_names[0], openssl_hasher());
        return again && model.is(again->log) ? Outcome::harmless : Outcome::silent;
    }
    void count(const State& state, const std::string& what, Count& total) const {
        const Outcome came = outcome(state.model);
        ++total.tries;
        total.noticed += came == Outcome::noticed ? 1 : 0;
        total.silent += came == Outcome::silent ? 1 : 0;
        EXPECT_NE(came, Outcome::silent) << what << " (" << state.name << ") is silent";
    }
    /// Applies `damage(path, size)` to a file so many times, equally often to each kind of file.
    template <typename Damage>
    void try_out(const std::string& what, int tries, Damage damage) const {
        std::map<std::string, Count> counts;
        Count all;
        for (int i = 0; i < tries; ++i) {
            const std::string& name = file_names[static_cast<std::size_t>(i) % file_names.size()];
            const State& state = states[static_cast<std::size_t>(i) / file_names.size() %
                                        (name == file_names[1] ? 3 : states.size())];
            lay_out(state);
            damage(tried / name, fs::file_size(tried / name));
            Count one;
            count(state, what + " " + std::to_string(i) + " in " + name, one);
            for (Count* sum : {&counts[name], &all}) {
                sum->tries += one.tries;
                sum->noticed += one.noticed;
                sum->silent += one.silent;
            }
        }
        std::printf("%s, %s\n", what.c_str(), all.text().c_str());
        for (const auto& [name, sum] : counts) {
            std::printf("  in %s, %s\n", name.c_str(), sum.text().c_str());
        }
        EXPECT_GT(all.noticed, 0) << "nothing was detected: nothing was damaged";
    }

    TemporaryDirectory folder;
    fs::path tried = folder.path() / "tried";
    std::vector<State> states;
};

TEST_F(DamagedStore, NoticesFlippedBitsOrOpensComplete) {
    Random random(seed + 1);
    try_out("bit flips", test::with_sanitizers ? 30 : 300,
            [&](const fs::path& file, std::uintmax_t size) {
                // Half of the flips in a head hit its used part: the rest are zeros that are not
                // read.
                const bool said = file.extension() == ".head" && random.chance(0.5);
                std::string content = read_text(file);
                content[random.below(said ? 116 : size)] ^=
                    static_cast<char>(1U << random.below(8));
                write_text(file, content);
            });
}

TEST_F(DamagedStore, DetectsTruncationOrOpensComplete) {
    Random random(seed + 2);
    try_out("cuts", test::with_sanitizers ? 20 : 100,
            [&](const fs::path& file, std::uintmax_t size) {
                fs::resize_file(file, random.below(size));
            });
}

TEST_F(DamagedStore, DetectsEachMissingOrEmptyFileOrOpensComplete) {
    Count missing;
    Count empty;
    for (const State& state : states) {
        for (const std::string& name : file_names) {
            if (!fs::exists(state.place / name)) {
                continue;
            }
            lay_out(state);
            fs::remove(tried / name);
            count(state, name + " missing", missing);
            lay_out(state);
            fs::resize_file(tried / name, 0);
            count(state, name + " empty", empty);
        }
    }
    std::printf("missing files, %s\nempty files, %s\n", missing.text().c_str(),
                empty.text().c_str());
    // Only a WAL that was fully written back to the database may be missing.
    EXPECT_EQ(missing.noticed, missing.tries - 1);
    EXPECT_EQ(empty.noticed, empty.tries - 1);
}

TEST_F(DamagedStore, DetectsAnOlderCopyOfAnyFileOrOpensComplete) {
    Count total;
    const State& newest = states.back();
    for (const State& older : states) {
        for (const std::string& name : file_names) {
            lay_out(newest);
            std::error_code none;  // the closed state has no WAL
            fs::copy_file(older.place / name, tried / name, fs::copy_options::overwrite_existing,
                          none);
            count(newest, "older " + name + " (" + older.name + ")", total);
        }
    }
    std::printf("older copies, %s\n", total.text().c_str());
}

}  // namespace
}  // namespace starling
