#include "plugins/cmq_tcp/request.h"

#include "plugins/cmq_tcp/wire.h"
#include "tests/plugins/cmq_tcp/bytes.h"

#include <gtest/gtest.h>

namespace penstock::plugins::cmq_tcp {
namespace {

using testing::bytes;

// The frame's head in front of a payload of up to 249 bytes.
std::string framed(const std::string& payload) {
    return bytes("00 00") + static_cast<char>(payload.size() + frame_head_bytes) +
           bytes("00 00 00") + payload;
}

template <class Fields>
Request request_of(Command command, Fields fields) {
    Request request;
    request.seqno = 7;
    request.command = static_cast<std::int32_t>(command);
    request.fields = std::move(fields);
    return request;
}

// Both ways: the value is written as these bytes, and they are read as a value written so again.
void expect_bytes(const Request& request, const std::string& payload) {
    std::string out;
    append_request(out, request);
    EXPECT_EQ(out, framed(payload));
    const auto read = decode_request(payload);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->missing, "");
    EXPECT_EQ(read->fields.index(), request.fields.index());
    std::string again;
    append_request(again, *read);
    EXPECT_EQ(again, framed(payload));
}

TEST(Requests, HaveTheBytesOfTheTables) {
    expect_bytes(
        request_of(Command::authenticate, Authenticate{"AKIDa", "c2ln", "1@me", "HmacSHA1"}),
        bytes("08 07 10 fc 07 ba 0c 1d 0a 05 'AKIDa' 12 04 'c2ln' 1a 04 '1@me'"
              "22 08 'HmacSHA1'"));
    expect_bytes(request_of(Command::send, Send{"q", {"hi"}, 5, 0, 0}),
                 bytes("08 07 10 fd 07 c2 0c 09 0a 01 'q' 12 02 'hi' 18 05"));
    expect_bytes(request_of(Command::send, Send{"q", {"hi"}, 0, 1, 5}),
                 bytes("08 07 10 fd 07 c2 0c 0b 0a 01 'q' 12 02 'hi' 20 01 28 05"));
    expect_bytes(request_of(Command::send_batch, Send{"q", {"a", "bc"}, 0, 0, 0}),
                 bytes("08 07 10 fe 07 ca 0c 0a 0a 01 'q' 12 01 'a' 12 02 'bc'"));
    expect_bytes(request_of(Command::pull, Pull{"q", 1, 10, 30}),
                 bytes("08 07 10 ff 07 d2 0c 07 0a 01 'q' 10 0a 18 1e"));
    expect_bytes(request_of(Command::pull_batch, Pull{"q", 16, 0, 30}),
                 bytes("08 07 10 80 08 e2 0c 09 0a 01 'q' 10 10 18 00 20 1e"));
    expect_bytes(request_of(Command::remove, Remove{"q", {300}}),
                 bytes("08 07 10 81 08 f2 0c 06 0a 01 'q' 10 ac 02"));
    expect_bytes(request_of(Command::remove_batch, Remove{"q", {1, 2}}),
                 bytes("08 07 10 82 08 fa 0c 07 0a 01 'q' 10 01 10 02"));
    expect_bytes(request_of(Command::publish, Publish{"t", {"hi"}, {"x", "y"}, "a.b"}),
                 bytes("08 07 10 83 08 82 0d 12 0a 01 't' 12 02 'hi' 1a 01 'x' 1a 01 'y'"
                       "22 03 'a.b'"));
    expect_bytes(request_of(Command::publish_batch, Publish{"t", {"a", "b"}, {}, ""}),
                 bytes("08 07 10 84 08 8a 0d 09 0a 01 't' 12 01 'a' 12 01 'b'"));
    expect_bytes(request_of(Command::send, Send{"q", {"hi"}, 0, 0, 0, "k"}),
                 bytes("08 07 10 fd 07 c2 0c 0b 0a 01 'q' 12 02 'hi' a2 06 01 'k'"));
    expect_bytes(request_of(Command::publish, Publish{"t", {"hi"}, {}, "", "k"}),
                 bytes("08 07 10 83 08 82 0d 0b 0a 01 't' 12 02 'hi' a2 06 01 'k'"));
    expect_bytes(request_of(Command::confirm,
                            Confirm{"q", {{300, Confirm::committed}, {5, Confirm::rolled_back}}}),
                 bytes("08 07 10 91 08 ea 0d 10 0a 01 'q' 12 05 08 ac 02 10 01 12 04 08 05 10 02"));
    expect_bytes(request_of(Command::heartbeat, std::monostate()), bytes("08 07 10 90 08"));
}

TEST(Requests, AreReadWhateverTheOrderOfTheirFields) {
    const std::string payload =
        bytes("c2 0c 07 12 02 'hi' 0a 01 'q' 48 01 10 fd 07 08 ff ff ff ff ff ff ff ff ff 01");
    const auto read = decode_request(payload);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->seqno, -1);
    EXPECT_TRUE(read->one_way);
    const auto& send = std::get<Send>(read->fields);
    EXPECT_EQ(send.queue, "q");
    EXPECT_EQ(send.bodies, (std::vector<std::string_view>{"hi"}));
}

TEST(Requests, OfSeveralPartsAreMergedAndTheLastValueCounts) {
    const std::string payload =
        bytes("08 07 10 fd 07 c2 0c 06 0a 01 'q' 12 01 'a' c2 0c 05 12 01 'b' 18 09");
    const auto read = decode_request(payload);
    ASSERT_TRUE(read.has_value());
    const auto& send = std::get<Send>(read->fields);
    EXPECT_EQ(send.queue, "q");
    EXPECT_EQ(send.bodies, (std::vector<std::string_view>{"b"}));
    EXPECT_EQ(send.delay_s, 9U);
}

TEST(Requests, TakePackedReceiptsToo) {
    const std::string payload = bytes("08 07 10 82 08 fa 0c 08 0a 01 'q' 12 03 01 ac 02");
    const auto read = decode_request(payload);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(std::get<Remove>(read->fields).receipts, (std::vector<std::uint64_t>{1, 300}));
}

TEST(Requests, NameWhatTheyLack) {
    const auto missing = [](const std::string& payload) {
        const auto read = decode_request(payload);
        return read ? std::string(read->missing) : "malformed";
    };
    EXPECT_EQ(missing(bytes("08 07 10 fc 07")), "secret_id");
    EXPECT_EQ(missing(bytes("08 07 10 fd 07")), "queue_name");
    EXPECT_EQ(missing(bytes("08 07 10 fd 07 c2 0c 03 0a 01 'q'")), "msgBody");
    EXPECT_EQ(missing(bytes("08 07 10 80 08 e2 0c 03 0a 01 'q'")), "num_msg");
    EXPECT_EQ(missing(bytes("08 07 10 81 08 f2 0c 03 0a 01 'q'")), "receipt_handle");
    EXPECT_EQ(missing(bytes("08 07 10 83 08 82 0d 04 12 02 'hi'")), "topic_name");
    // The message of another command is not this one's.
    EXPECT_EQ(missing(bytes("08 07 10 fd 07 ca 0c 07 0a 01 'q' 12 02 'hi'")), "queue_name");
}

TEST(Requests, ThatAreNoneAreMalformed) {
    EXPECT_FALSE(decode_request("").has_value());
    EXPECT_FALSE(decode_request("GET / HTTP/1.1").has_value());
    EXPECT_FALSE(decode_request(bytes("08 07")).has_value());        // no cmd
    EXPECT_FALSE(decode_request(bytes("10 90 08")).has_value());     // no seqno
    EXPECT_FALSE(decode_request(bytes("08 07 10 90")).has_value());  // cut off
    EXPECT_FALSE(decode_request(bytes("08 07 10 fd 07 c2 0c 02 0a 05")).has_value());
    EXPECT_FALSE(decode_request(bytes("0a 01 07 10 90 08")).has_value());  // seqno is no number
}

TEST(Requests, OfUnknownCommandsHaveNoFields) {
    const std::string payload = bytes("08 07 10 8f 4e c2 0c 03 0a 01 'q'");
    const auto read = decode_request(payload);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->command, 9999);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(read->fields));
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
