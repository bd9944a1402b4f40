// swarm-audit on the ledger of a real training.
#include <filesystem>

#include <sqlite3.h>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

class SwarmAudit : public SystemSwarm {
protected:
    void train() {
        const std::unique_ptr<Program> sn = start_sn();
        const auto first = start_sl(1, "--elements 2000 --batches 160");
        const auto second = start_sl(2, "--elements 2000 --batches 160");
        ASSERT_EQ(first->wait_exit(), 0) << first->output();
        ASSERT_EQ(second->wait_exit(), 0) << second->output();
        // The SN is still running.
        EXPECT_EQ(audit({ledger(), "--capath=" + path("ca")}), 0) << output;
        sn->signal(SIGTERM);
        ASSERT_EQ(sn->wait_exit(), 0) << sn->output();
    }
    std::string ledger() const { return path("host-1/data/sn1/ledger.sqlite"); }
    int audit(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), bin("swarm-audit"));
        Program program(arguments);
        const int code = program.wait_exit();
        output = program.output();
        return code;
    }
    /// Copies the ledger without the head file, as somebody might pass it on.
    std::string copy(const std::string& name) const {
        fs::copy_file(ledger(), path(name), fs::copy_options::overwrite_existing);
        return path(name);
    }
    static void change(const std::string& file, const char* sql) {
        sqlite3* database = nullptr;
        ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database);
        sqlite3_close(database);
    }

    std::string output;
};

TEST_F(SwarmAudit, AcceptsAValidLedgerAndNamesTheFirstInvalidEntry) {
    train();
    EXPECT_EQ(audit({ledger(), "--capath=" + path("ca")}), 0) << output;
    EXPECT_TRUE(holds(output, "  valid\n")) << output;
    EXPECT_TRUE(holds(output, "12 rounds committed, 0 attempts without a result, now complete"))
        << output;
    EXPECT_TRUE(holds(output, "signatures of sl1, sl2 and of SNs sn1")) << output;
    EXPECT_EQ(audit({ledger(), "--json"}), 0);
    EXPECT_TRUE(holds(output, "\"good\": true")) << output;

    const std::string edited = copy("edited.sqlite");
    change(edited, "UPDATE log SET data = data || x'00' WHERE idx = 9");
    EXPECT_EQ(audit({edited}), 1);
    EXPECT_TRUE(holds(output, "BAD: entry 9: its hash link")) << output;
    const std::string dropped = copy("dropped.sqlite");
    change(dropped, "DELETE FROM log WHERE idx = 7");
    EXPECT_EQ(audit({dropped}), 1);
    EXPECT_TRUE(holds(output, "BAD: entry 7 is missing")) << output;
    const std::string gone = path("host-1/data/sn1/ledger.sqlite");
    change(gone, "DELETE FROM log WHERE idx > 20");
    EXPECT_EQ(audit({gone}), 1);
    EXPECT_TRUE(holds(output, "BAD: entry 21 is missing")) << output;
}

TEST_F(SwarmAudit, NamesUntrustedCertificatesAndDivergentHistories) {
    train();
    const std::string one = copy("one.sqlite");
    store_ca("other-ca", *make_ca("other CA", {}));
    EXPECT_EQ(audit({one, "--capath=" + path("other-ca")}), 1);
    EXPECT_TRUE(holds(output, "no trusted CA stands behind its certificate")) << output;

    fs::remove_all(path("host-1"));
    fs::remove_all(path("host-2"));
    train();
    EXPECT_EQ(audit({one, ledger()}), 1);
    EXPECT_TRUE(
        holds(output, "have different histories from entry 1 on. The first is signed by sn1"))
        << output;
    EXPECT_EQ(audit({one, one}), 0) << output;
}

TEST_F(SwarmAudit, InvalidInputIsNamed) {
    EXPECT_EQ(audit({}), 2);
    EXPECT_TRUE(holds(output, "a LEDGER is missing")) << output;
    EXPECT_EQ(audit({path("nowhere")}), 1);
    EXPECT_TRUE(holds(output, "no such file")) << output;
    EXPECT_EQ(audit({path("sn1.pem")}), 1);
    EXPECT_TRUE(holds(output, "sn1.pem")) << output;
}

}  // namespace
}  // namespace starling::test
