// Long lists of members: views name them by their digest, and members fetch them in parts.
#include "core/sl/view_lists.hpp"

#include "core/ledger/audit.hpp"
#include "core/sn/sent_lists.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

/// What an SN and one of its SLs say to each other about a contract of five members.
class Lists : public testing::Test {
protected:
    Lists() {
        contract_.name = "c";
        contract_.phase = ContractPhase::exchanging;
        contract_.frozen = {
            {.id = {"sl1"}}, {.id = {"sl2"}}, {.id = {"sl3"}}, {.id = {"sl4"}}, {.id = {"sl5"}}};
    }
    ViewUpdate update() { return sent_.update_of(contract_, ledger_); }
    /// The SL's newest request, which it has sent since the last call.
    FetchMembers request() {
        EXPECT_EQ(effects_.size(), 1U);
        const auto* send = effects_.empty() ? nullptr : std::get_if<Send>(&effects_.back());
        const auto fetch =
            send == nullptr ? FetchMembers{} : std::get<FetchMembers>(send->frame.message);
        effects_.clear();
        return fetch;
    }
    std::optional<ContractView> take(const ViewUpdate& update) {
        return lists_.take(sn_, update, out_);
    }
    Result<std::optional<ContractView>> take(const MemberListPart& part) {
        auto taken = lists_.take_part(sn_, part, out_);
        return taken ? Result<std::optional<ContractView>>(taken->view) : taken.error();
    }
    /// Fetches until the view is there.
    ContractView fetched(const ViewUpdate& update) {
        std::optional<ContractView> view = take(update);
        for (int parts = 0; !view && parts < 5; ++parts) {
            const auto taken = take(sent_.part_of(request()));
            EXPECT_TRUE(taken);
            view = taken ? *taken : std::nullopt;
        }
        EXPECT_TRUE(view);
        return view.value_or(ContractView{});
    }

    const NodeId sn_{"sn1"};
    Contract contract_;
    Ledger ledger_;
    SentLists sent_{openssl_hasher(), 2, 30};  // parts of two members
    SharedRounds shared_;
    ViewLists lists_{shared_, openssl_hasher()};
    std::vector<Effect> effects_;
    Outbox out_{effects_};
};

TEST_F(Lists, AShortListIsInTheView) {
    contract_.frozen = {{.id = {"sl1"}}, {.id = {"sl2"}}};
    const ViewUpdate said = update();
    EXPECT_FALSE(said.frozen_list);
    EXPECT_EQ(take(said), view_of(contract_));
    EXPECT_TRUE(effects_.empty());
}

TEST_F(Lists, ALongListIsFetchedOnceInParts) {
    const ViewUpdate said = update();
    EXPECT_TRUE(said.view.frozen.empty());
    EXPECT_FALSE(take(said));
    const MemberListPart first = sent_.part_of(request());
    EXPECT_EQ(first.total, 5U);
    EXPECT_EQ(first.members.size(), 2U);
    EXPECT_EQ(fetched(said), view_of(contract_));
    contract_.last_commit = Commit{0, 0, {}, contract_.frozen, false};
    contract_.phase = ContractPhase::gathering;
    contract_.stop_exchange();
    EXPECT_EQ(take(update()), view_of(contract_)) << "the commit has the list of the attempt";
    EXPECT_TRUE(effects_.empty());
}

TEST_F(Lists, APartThatIsLostIsRequestedAgainWhenTheViewIsRepeated) {
    EXPECT_FALSE(take(update()));
    ASSERT_TRUE(take(sent_.part_of(request())));
    const FetchMembers lost = request();
    EXPECT_EQ(lost.first, 2U);
    EXPECT_FALSE(take(update()));
    const MemberListPart late = sent_.part_of(request());
    ASSERT_TRUE(take(late));
    EXPECT_EQ(request().first, 4U);
    const auto twice = take(late);
    EXPECT_TRUE(twice && !*twice) << "ignored";
    EXPECT_EQ(fetched(update()), view_of(contract_));
}

TEST_F(Lists, AnSnThatHasALaterViewByNowSaysSo) {
    EXPECT_FALSE(take(update()));
    const FetchMembers asked = request();
    contract_.frozen = {{.id = {"sl1"}}, {.id = {"sl2"}}, {.id = {"sl3"}}};
    const ViewUpdate later = update();
    EXPECT_EQ(sent_.part_of(asked).total, 0U);
    const auto gone = take(sent_.part_of(asked));
    EXPECT_TRUE(gone && !*gone);
    EXPECT_EQ(fetched(later), view_of(contract_));
}

TEST_F(Lists, AListWithAnotherDigestOrTooManyMembersIsRefused) {
    EXPECT_FALSE(take(update()));
    MemberListPart part = sent_.part_of(request());
    part.total = 2;
    EXPECT_FALSE(take(part)) << "it ends too early";
    EXPECT_FALSE(take(update()));
    part.list = request().list;
    part.total = 1;
    EXPECT_FALSE(take(part)) << "more members than there are in all";
    EXPECT_FALSE(take(update()));
    part = sent_.part_of(request());
    part.total = members_max + 1;
    EXPECT_FALSE(take(part)) << "nobody has so many";
    EXPECT_EQ(fetched(update()), view_of(contract_));
}

TEST_F(Lists, AListThatChangesItsLengthOnTheWayIsRefused) {
    for (const std::uint32_t total : {1U, 2U, 6U}) {
        EXPECT_FALSE(take(update()));
        ASSERT_TRUE(take(sent_.part_of(request())));
        MemberListPart next = sent_.part_of(request());
        next.total = total;
        EXPECT_FALSE(take(next)) << total;
    }
    EXPECT_EQ(fetched(update()), view_of(contract_));
}

/// An SN may name one list that it sends and one that it never sends, again and again.
TEST_F(Lists, OnlyListsOfTheNewestViewAreHeld) {
    const ViewUpdate first = update();
    for (int view = 0; view < 2; ++view) {
        ViewUpdate said = update();
        said.commit_list = std::exchange(said.frozen_list, Digest{.bytes = {std::byte{1}}});
        EXPECT_FALSE(take(said));
        FetchMembers asked = request();
        for (int parts = 0; parts < 3 && asked.list == *said.commit_list; ++parts) {
            ASSERT_TRUE(take(sent_.part_of(asked)));
            asked = request();
        }
        EXPECT_EQ(asked.list, *said.frozen_list);
        contract_.frozen = {{.id = {"sl1"}}, {.id = {"sl2"}}, {.id = {"sl3"}}};
    }
    EXPECT_FALSE(take(first)) << "its list is not here any more";
    EXPECT_EQ(request().list, *first.frozen_list);
}

/// An SN with a contract of two members, whose views name their lists.
class SentListTest : public testing::Test {
protected:
    SentListTest() {
        for (Author* member : {&one, &two}) {
            sn.step(PeerUp{member->id, Role::sl, {}});
            sn.frame(member->id, member->registration());
            sn.frame(member->id, member->submit(Enrol{"c", tiny_contract(2), tiny_layout, {}}));
        }
        for (Author* member : {&one, &two}) {
            sn.frame(member->id, member->submit(CheckInRound{"c", 0, 0, {.weight = 1}}));
        }
        Heartbeat heartbeat;
        heartbeat.contract = "c";
        sn.frame(one.id, heartbeat);
        list = *sn.last<ViewUpdate>(one.id)->frozen_list;
    }
    static std::unique_ptr<Node> make() {
        SnNodeOptions options = sn_options();
        options.limits.parts = {
            .reports_per_entry = 2, .members_in_view = 0, .list_part_bytes = 30};
        return make_sn_node(std::move(options), openssl_hasher());
    }
    /// Whether the SN answers this request with a part.
    bool gets(const Author& member, std::uint32_t first) {
        sn.sent.clear();
        sn.frame(member.id, FetchMembers{list, first});
        const auto* const part = sn.last<MemberListPart>(member.id);
        return part != nullptr && part->total == 2 && part->first == first;
    }

    Author one{"sl1"};
    Author two{"sl2"};
    NodeBench sn{make()};
    Digest list;
};

TEST_F(SentListTest, AMemberGetsEachPartOnceInTwoSeconds) {
    EXPECT_TRUE(gets(one, 0));
    EXPECT_FALSE(gets(one, 0));
    EXPECT_TRUE(gets(one, 1)) << "another part";
    EXPECT_TRUE(gets(two, 0)) << "another member";
    sn.pass(std::chrono::milliseconds(1900));
    EXPECT_FALSE(gets(one, 0));
    EXPECT_FALSE(gets(one, 1));
    sn.pass(std::chrono::milliseconds(200));
    EXPECT_TRUE(gets(one, 0)) << "it was lost";
    EXPECT_TRUE(gets(one, 1));
    EXPECT_FALSE(gets(one, 0));
}

TEST(LargeSwarm, RoundsWithListsAndReportsInPartsEndLikeOthers) {
    MemorySwarm swarm(3, {}, 3, 0,
                      {.reports_per_entry = 2, .members_in_view = 0, .list_part_bytes = 30});
    for (int i = 1; i <= 5; ++i) {
        swarm.add_pair(i, {.syncs = 6, .durable = Durability::quorum});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    swarm.expect_one_ledger();
    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit(openssl_hasher(), *verifier, {});
    Digest link;
    std::size_t parts = 0;
    for (const Bytes& bytes : swarm.sn_store().log().records) {
        const std::uint64_t index = audit.summary().records + 1;
        link = chain_link(openssl_hasher(), link, index, bytes);
        const Result<void> good = audit.take(index, bytes, link);
        ASSERT_TRUE(good) << good.error().message;
        const Result<LogRecord> record = decode_record(index, bytes);
        const auto entry = record && record->kind == RecordKind::entry
                               ? decode_entry(record->data)
                               : Result<Entry>(Error{Errc::malformed, ""});
        parts += entry && std::holds_alternative<RecordReports>(entry->command) ? 1U : 0U;
    }
    const std::size_t rounds = audit.summary().trainings.at("default").commits;
    EXPECT_GE(rounds, 6U);
    EXPECT_GE(parts, 2 * rounds) << "two of two reports, and one with the commit";
}

}  // namespace
}  // namespace starling::test
