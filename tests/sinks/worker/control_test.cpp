// Control messages of the supervisor: golden bytes, round trips, and everything malformed.
#include "sinks/worker/control.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace penstock::sinks::worker {
namespace {

ProcessOrder small_order() {
    ProcessOrder order;
    order.command = {"/bin/true", "-x"};
    order.environment = {"A=b"};
    order.folder = "/";
    order.profile = SandboxProfile::strict;
    order.limits = {1 << 20, 3, 20, 4'096, 256};
    order.function = 7;
    order.only_computes = true;
    order.readable = {"/r"};
    order.writable = {"/w", "/v"};
    return order;
}

std::string hex(const std::string& bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string out;
    for (const char byte : bytes) {
        out += digits[static_cast<unsigned char>(byte) >> 4U];
        out += digits[static_cast<unsigned char>(byte) & 15U];
    }
    return out;
}

TEST(Control, BytesOfEachMessageAreTheDocumentedOnes) {
    EXPECT_EQ(hex(encode(ToSupervisor{StartProcess{258, small_order(), 3}})),
              "0101"
              "0201000000000000"  // process
              "02"                // strict
              "07000000"          // function
              "01"                // only computes
              "0000100000000000"  // memory
              "03000000"          // processes
              "14000000"          // open files
              "0010000000000000"  // file bytes
              "00010000"          // cpu shares
              "012f"              // folder
              "02092f62696e2f74727565022d78"
              "0103413d62"
              "01022f72"
              "02022f77022f76"
              "03");
    EXPECT_EQ(hex(encode(ToSupervisor{SignalProcess{1, 15}})), "010201000000000000000f");
    EXPECT_EQ(hex(encode(ToSupervisor{KillProcess{2}})), "01030200000000000000");
    EXPECT_EQ(hex(encode(ToSupervisor{Ping{3}})), "01040300000000000000");
    EXPECT_EQ(hex(encode(ToSupervisor{WeighProcess{4}})), "01050400000000000000");
    EXPECT_EQ(hex(encode(FromSupervisor{Weight{4, 258}})),
              "0113"
              "0400000000000000"
              "0201000000000000");
    EXPECT_EQ(hex(encode(FromSupervisor{Hello{{{"a", "on"}}}})), "0110010161026f6e");
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::signalled;
    end.code = 9;
    end.out_of_memory = true;
    end.cpu_us = 5;
    EXPECT_EQ(hex(encode(FromSupervisor{Ended{4, end}})),
              "0111040000000000000002090000000105000000000000"
              "0000");
    EXPECT_EQ(hex(encode(FromSupervisor{Pong{3}})), "01120300000000000000");
}

TEST(Control, AnOrderSurvivesTheWire) {
    const auto decoded =
        decode_to_supervisor(encode(ToSupervisor{StartProcess{9, small_order(), 2}}));
    ASSERT_TRUE(decoded.has_value());
    const auto& start = std::get<StartProcess>(*decoded);
    EXPECT_EQ(start.process, 9U);
    EXPECT_EQ(start.files, 2U);
    EXPECT_EQ(start.order.command, small_order().command);
    EXPECT_EQ(start.order.environment, small_order().environment);
    EXPECT_EQ(start.order.folder, "/");
    EXPECT_EQ(start.order.profile, SandboxProfile::strict);
    EXPECT_EQ(start.order.function, 7U);
    EXPECT_TRUE(start.order.only_computes);
    EXPECT_EQ(start.order.limits.memory_bytes, 1U << 20);
    EXPECT_EQ(start.order.limits.processes, 3U);
    EXPECT_EQ(start.order.limits.open_files, 20U);
    EXPECT_EQ(start.order.limits.file_bytes, 4'096U);
    EXPECT_EQ(start.order.limits.cpu_shares, 256U);
    EXPECT_EQ(start.order.readable, small_order().readable);
    EXPECT_EQ(start.order.writable, small_order().writable);
}

TEST(Control, AWeighingSurvivesTheWire) {
    const auto asked = decode_to_supervisor(encode(ToSupervisor{WeighProcess{4}}));
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(std::get<WeighProcess>(*asked).process, 4U);
    const auto told = decode_from_supervisor(encode(FromSupervisor{Weight{4, 1ULL << 40}}));
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(std::get<Weight>(*told).process, 4U);
    EXPECT_EQ(std::get<Weight>(*told).bytes, 1ULL << 40);
}

TEST(Control, AnEndSurvivesTheWireWithItsDetailCut) {
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::not_started;
    end.code = -1;
    end.detail = std::string(5'000, 'x');
    const auto decoded = decode_from_supervisor(encode(FromSupervisor{Ended{1, end}}));
    ASSERT_TRUE(decoded.has_value());
    const auto& back = std::get<Ended>(*decoded);
    EXPECT_EQ(back.end.kind, ProcessEnd::Kind::not_started);
    EXPECT_EQ(back.end.code, -1);
    EXPECT_EQ(back.end.detail.size(), 1'024U);
}

TEST(Control, ACutOrLongerMessageIsRefused) {
    const std::string whole = encode(ToSupervisor{StartProcess{9, small_order(), 2}});
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(decode_to_supervisor(whole.substr(0, length)).has_value()) << length;
    EXPECT_FALSE(decode_to_supervisor(whole + "x").has_value());
    const std::string hello = encode(FromSupervisor{Hello{{{"a", "on"}, {"b", "off"}}}});
    for (std::size_t length = 0; length < hello.size(); ++length)
        EXPECT_FALSE(decode_from_supervisor(hello.substr(0, length)).has_value()) << length;
    EXPECT_FALSE(decode_from_supervisor(hello + "x").has_value());
}

TEST(Control, ChangedBytesNeverDoMoreThanBeRefusedOrReadAsAnotherMessage) {
    const std::string whole = encode(ToSupervisor{StartProcess{9, small_order(), 2}});
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (int value = 0; value < 256; ++value) {
            std::string changed = whole;
            changed[at] = static_cast<char>(value);
            const auto decoded = decode_to_supervisor(changed);
            if (!decoded) {
                ++refused;
            } else {
                EXPECT_LE(encode(*decoded).size(), changed.size());
            }
        }
    }
    EXPECT_GT(refused, 255U * 2);
}

TEST(Control, AnotherVersionKindProfileOrSignalIsRefused) {
    const std::string ping = encode(ToSupervisor{Ping{3}});
    EXPECT_FALSE(decode_to_supervisor("\x02" + ping.substr(1)).has_value());
    EXPECT_FALSE(decode_to_supervisor("\x01\x10" + ping.substr(2)).has_value());
    EXPECT_FALSE(decode_from_supervisor(ping).has_value());
    EXPECT_FALSE(decode_to_supervisor(encode(ToSupervisor{SignalProcess{1, 0}})).has_value());
    EXPECT_FALSE(decode_to_supervisor(encode(ToSupervisor{SignalProcess{1, 65}})).has_value());
    std::string start = encode(ToSupervisor{StartProcess{9, small_order(), 2}});
    start[10] = 3;
    EXPECT_FALSE(decode_to_supervisor(start).has_value());
}

TEST(Control, AnImpossibleOrderIsComplainedAboutInOneLine) {
    EXPECT_FALSE(complaint_about(small_order(), 16).has_value());
    ProcessOrder order = small_order();
    order.command.clear();
    EXPECT_EQ(complaint_about(order, 0), "no command: name a program");
    order.command = {"true"};
    EXPECT_EQ(complaint_about(order, 0), "the program \"true\" is no absolute path: give one");
    order = small_order();
    order.folder = "here";
    EXPECT_EQ(complaint_about(order, 0),
              "the working folder \"here\" is no absolute path: give one");
    order = small_order();
    order.writable = {"there"};
    EXPECT_EQ(complaint_about(order, 0), "\"there\" is no absolute path: give one");
    order = small_order();
    EXPECT_EQ(complaint_about(order, 17), "more than 16 descriptors for one process");
    order.environment = {std::string("A=\0b", 4)};
    EXPECT_EQ(complaint_about(order, 0),
              "a zero byte in the command, its environment or a path: remove it");
    order = small_order();
    order.environment = {std::string(200'000, 'x')};
    EXPECT_NE(complaint_about(order, 0)->find("shorten them"), std::string::npos);
    EXPECT_FALSE(decode_to_supervisor(encode(ToSupervisor{StartProcess{1, order, 0}})).has_value());
}

TEST(Control, TheLargestPossibleOrderFitsOneMessage) {
    ProcessOrder order = small_order();
    order.environment.clear();
    for (int at = 0; at < 500; ++at) order.environment.emplace_back(250, 'x');
    while (complaint_about(order, 3)) order.environment.pop_back();
    const std::string bytes = encode(ToSupervisor{StartProcess{1, order, 3}});
    EXPECT_LE(bytes.size(), message_bytes_max);
    EXPECT_GT(bytes.size(), 100'000U);
    EXPECT_TRUE(decode_to_supervisor(bytes).has_value());
}

TEST(Control, ProfilesAreCalledAsUsersCallThem) {
    EXPECT_EQ(to_text(SandboxProfile::none), "none");
    EXPECT_EQ(to_text(SandboxProfile::standard), "default");
    EXPECT_EQ(to_text(SandboxProfile::strict), "strict");
}

}  // namespace
}  // namespace penstock::sinks::worker
