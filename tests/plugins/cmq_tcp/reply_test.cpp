#include "plugins/cmq_tcp/reply.h"

#include "plugins/cmq_tcp/request.h"
#include "tests/plugins/cmq_tcp/bytes.h"

#include <gtest/gtest.h>

namespace penstock::plugins::cmq_tcp {
namespace {

using testing::bytes;

Reply reply_to(Command command) {
    Reply reply;
    reply.seqno = 7;
    reply.command = static_cast<std::int32_t>(command);
    return reply;
}

PulledMessage message(std::uint64_t id) {
    PulledMessage pulled;
    pulled.id = id;
    pulled.receipt = 18446744073709551615U;
    pulled.body = "hi";
    pulled.enqueued_s = 1;
    pulled.next_visible_s = 2;
    pulled.first_received_s = 3;
    pulled.receives = 4;
    return pulled;
}

// Both ways; up to 249 bytes.
void expect_bytes(const Reply& reply, const std::string& payload) {
    std::string out;
    append_reply(out, reply);
    const char length = static_cast<char>(payload.size() + 6);
    EXPECT_EQ(out, bytes("00 00") + length + bytes("00 00 00") + payload);
    const auto read = decode_reply(payload);
    ASSERT_TRUE(read.has_value());
    std::string again;
    append_reply(again, *read);
    EXPECT_EQ(again, out);
}

TEST(Replies, HaveTheBytesOfTheTables) {
    Reply sent = reply_to(Command::send_batch);
    sent.request_id = 9;
    sent.ids = {5, 300};
    expect_bytes(sent, bytes("08 07 10 fe 07 18 00 50 09 e8 01 05 e8 01 ac 02"));

    Reply pulled = reply_to(Command::pull);
    pulled.pulled = {message(5)};
    expect_bytes(pulled,
                 bytes("08 07 10 ff 07 18 00 d2 01 19 08 05 18 ff ff ff ff ff ff ff ff ff 01"
                       "22 02 'hi' 28 01 30 02 38 03 40 04"));

    Reply keyed = reply_to(Command::pull);
    keyed.pulled = {message(5)};
    keyed.pulled.front().ordering_key = "k";
    expect_bytes(keyed,
                 bytes("08 07 10 ff 07 18 00 d2 01 1d 08 05 18 ff ff ff ff ff ff ff ff ff 01"
                       "22 02 'hi' 28 01 30 02 38 03 40 04 a2 06 01 'k'"));

    Reply batch = reply_to(Command::pull_batch);
    batch.pulled = {message(5), message(6)};
    expect_bytes(
        batch,
        bytes("08 07 10 80 08 18 00 da 01 36"
              "0a 19 08 05 18 ff ff ff ff ff ff ff ff ff 01 22 02 'hi' 28 01 30 02 38 03 40 04"
              "0a 19 08 06 18 ff ff ff ff ff ff ff ff ff 01 22 02 'hi' 28 01 30 02 38 03 40 04"));

    Reply removed = reply_to(Command::remove_batch);
    removed.result = 6010;
    removed.error = "no";
    removed.failures = {{300, 4430, "bad"}};
    expect_bytes(
        removed,
        bytes("08 07 10 82 08 18 fa 2e 22 02 'no' e2 01 0b 08 ac 02 10 ce 22 1a 03 'bad'"));
}

TEST(Replies, OfTransactionsHaveTheBytesOfTheTables) {
    Reply confirmed = reply_to(Command::confirm);
    confirmed.confirmed_queue = "q";
    confirmed.confirmed = {{300, Confirm::committed, 0, ""},
                           {5, ConfirmedItem::unknown, 4490, "no"}};
    expect_bytes(confirmed,
                 bytes("08 07 10 91 08 18 00 f2 0d 17 0a 01 'q' 12 05 08 ac 02 10 01"
                       "12 0b 08 05 10 03 18 8a 23 22 02 'no'"));

    // The server's own question: no result.
    Reply query = reply_to(Command::query);
    query.query = Query{"q", 300};
    expect_bytes(query, bytes("08 07 10 92 08 fa 0d 06 0a 01 'q' 10 ac 02"));
}

TEST(Replies, ThatAreNoneAreMalformed) {
    EXPECT_FALSE(decode_reply("").has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07")).has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07 10 ff 07 d2 01 02 08")).has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07 10 ff 07 d2 01 01 08")).has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07 10 80 08 da 01 02 0a 05")).has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07 10 82 08 e2 01 01 08")).has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07 10 91 08 f2 0d 03 12 01 08")).has_value());
    EXPECT_FALSE(decode_reply(bytes("08 07 10 92 08 fa 0d 01 10")).has_value());
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
