// Command lines that follow a topic: tail and listen.
#include "tests/cli/fixture.h"

namespace penstock::testing {

namespace {

class LiveCli : public CliFixture {
  protected:
    static api::PeekedMessage message(std::uint64_t position, const std::string& payload) {
        api::PeekedMessage one;
        one.position = position;
        one.id = model::MessageId(position);
        one.sent_ms = 1'700'000'000'000 + static_cast<std::int64_t>(position);
        one.state = "retained";
        one.payload = payload;
        return one;
    }
};

TEST_F(LiveCli, TailPrintsWhatCameSinceAndEndsAfterItsCount) {
    api::PeekedPage page;
    page.items = {message(5, "one"), message(6, "two\nlines"), message(7, "three")};
    page.items[1].meta.tags = {"gold", "new"};
    broker.answer_with<api::PeekMessages>(page);
    EXPECT_EQ(run({"tail", "news", "--from", "-1h", "--count", "2", "--tag", "gold"}), 0);
    EXPECT_EQ(out,
              "2023-11-14T22:13:20.005Z 5 one\n"
              "2023-11-14T22:13:20.006Z 6 [gold, new] two\\nlines\n");
    const auto* asked = broker.last<api::PeekMessages>();
    EXPECT_EQ(asked->topic, "news");
    EXPECT_EQ(asked->state, "retained");
    EXPECT_EQ(asked->filter.from_ms, 1'700'000'000'000 - 3'600'000);
    EXPECT_EQ(asked->filter.tags, std::vector<std::string>{"gold"});
    EXPECT_EQ(run({"tail", "news", "--count", "1", "-o", "ndjson"}), 0);
    EXPECT_EQ(broker.last<api::PeekMessages>()->filter.from_ms, 1'700'000'000'000);
    EXPECT_TRUE(out.starts_with("{\"id\":\"5\",")) << out;
}

TEST_F(LiveCli, TailSaysWhatIsWrong) {
    EXPECT_EQ(run({"tail", "news", "--from", "yesterday"}), 2);
    broker.refuse<api::PeekMessages>(model::Reason::topic_not_found);
    EXPECT_EQ(run({"tail", "news", "--count", "1"}), 3);
}

TEST_F(LiveCli, ListenOnATopicThatIsNotThereLeavesNoQueue) {
    broker.answer_with<api::CreateQueue>({});
    broker.refuse<api::Subscribe>(model::Reason::topic_not_found);
    broker.answer_with<api::DeleteQueue>({});
    EXPECT_EQ(run({"listen", "news", "--forward-to", "http://x/"}), 3);
    ASSERT_NE(broker.last<api::DeleteQueue>(), nullptr);
    EXPECT_TRUE(broker.last<api::DeleteQueue>()->name.starts_with("listen-"));
    EXPECT_EQ(run({"listen", "news"}), 2);
    broker.requests.clear();
    EXPECT_EQ(run({"listen", "news", "--forward-to", "localhost:3000"}), 2);
    EXPECT_NE(err.find("--forward-to"), std::string::npos) << err;
    EXPECT_TRUE(broker.requests.empty());
}

}  // namespace

}  // namespace penstock::testing
