#include "sinks/worker/protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::sinks::worker {
namespace {

using Kind = Heard::Kind;

Event full_event() {
    Event event;
    event.id = "901";
    event.topic = "orders";
    event.subscription = "audit";
    event.tags = {"paid", "eu"};
    event.routing_key = "eu.paid";
    event.ordering_key = "customer-7";
    event.attempt = 3;
    event.published_ms = 1'769'846'709'120;
    event.headers = {{"x-trace", "a\"b"}, {"x-two", "2"}};
    event.content_type = "application/json";
    event.body = "{\"a\":\"\\u00e9 \xC3\xA9\n\"}";
    return event;
}

std::string tall(std::size_t depth) {
    return R"({"id":"1","ok":true,"result":)" + std::string(depth, '[') + std::string(depth, ']') +
           "}";
}

std::string problem_of(std::string_view frame) {
    return decode_frame(frame).problem;
}

TEST(WorkerProtocol, WritesAnEventFrameByteForByte) {
    EXPECT_EQ(
        event_frame("7", full_event(), 1'769'846'719'120),
        R"({"id":"7","type":"event","event":{"id":"901","topic":"orders","subscription":"audit",)"
        R"("tags":["paid","eu"],"routing_key":"eu.paid","ordering_key":"customer-7","attempt":3,)"
        R"("publish_time":"2026-01-31T08:05:09.120Z","headers":{"x-trace":"a\"b","x-two":"2"},)"
        R"("content_type":"application/json","body":"{\"a\":\"\\u00e9 )"
        "\xC3\xA9"
        R"(\n\"}"},"deadline_ms":1769846719120})");
}

TEST(WorkerProtocol, ReadsBackEveryMemberOfAnEvent) {
    const auto event = decode_event(encode_event(full_event()));
    ASSERT_TRUE(event);
    EXPECT_EQ(*event, full_event());
}

TEST(WorkerProtocol, MarksAReplayedMessageWithItsJobAndNoOther) {
    Event event = full_event();
    event.replay = "77";
    const std::string json = encode_event(event);
    EXPECT_TRUE(json.ends_with(R"(,"replay":"77"})")) << json;
    EXPECT_EQ(decode_event(json)->replay, "77");
    EXPECT_EQ(encode_event(full_event()).find("replay"), std::string::npos);
}

TEST(WorkerProtocol, CarriesABodyThatIsNoTextAsBase64) {
    Event event;
    event.body = std::string("\x00\xFF\xFE", 3);
    const std::string json = encode_event(event);
    EXPECT_NE(json.find(R"("body_base64":"AP/+"})"), std::string::npos) << json;
    EXPECT_EQ(decode_event(json)->body, event.body);
}

TEST(WorkerProtocol, CarriesControlBytesInMassAsBase64) {
    std::string out;
    append_bytes(out, "body", std::string(1'000, '\x01'));
    EXPECT_LT(out.size(), 1'400U);
    EXPECT_EQ(out.substr(0, 20), R"("body_base64":"AQEBA)");
    out.clear();
    append_bytes(out, "body", std::string(1'000, '"'));
    EXPECT_EQ(out.size(), 2'009U);
}

TEST(WorkerProtocol, EscapesLongTextsWholly) {
    for (std::size_t length = 490; length < 530; ++length) {
        Event event;
        event.body = std::string(length, 'a') + "\"\x01\xC3\xA9\n" + std::string(600, '\\');
        EXPECT_EQ(decode_event(encode_event(event))->body, event.body);
    }
}

TEST(WorkerProtocol, TakesOnlyWellFormedUtf8AsText) {
    const auto name_of = [](std::string_view bytes) {
        std::string out;
        append_bytes(out, "body", bytes);
        return out.substr(1, out.find('"', 1) - 1);
    };
    for (const std::string_view text : {"",
                                        "a",
                                        "\x7F",
                                        "\xC2\x80",
                                        "\xE0\xA0\x80",
                                        "\xEF\xBF\xBF",
                                        "123456789\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF"})
        EXPECT_EQ(name_of(text), "body") << text;
    for (const std::string_view bytes : {"\x80",
                                         "\xC0\x80",
                                         "\xC1\xBF",
                                         "\xC3",
                                         "\xE0\x9F\xBF",
                                         "\xED\xA0\x80",
                                         "\xE2\x82",
                                         "\xF0\x8F\xBF\xBF",
                                         "\xF4\x90\x80\x80",
                                         "\xF5\x80\x80\x80",
                                         "\xF0\x90\x80",
                                         "\xFF"})
        EXPECT_EQ(name_of(bytes), "body_base64") << bytes.size();
}

TEST(WorkerProtocol, ReplacesBrokenBytesAndEscapesControlBytesInTexts) {
    std::string out;
    append_text(out,
                std::string_view("a\xFF"
                                 "b\x01\t\"\\\0z",
                                 9));
    EXPECT_EQ(out,
              "\"a\xEF\xBF\xBD"
              R"(b\u0001\t\"\\\u0000z")");
}

TEST(WorkerProtocol, NamesTheWrongMemberOfAnEvent) {
    EXPECT_EQ(decode_event("[]").error().detail, "an event must be one JSON object");
    EXPECT_EQ(decode_event(R"({"tags":"a"})").error().detail,
              R"(the event's "tags" must be a list of texts)");
    EXPECT_EQ(decode_event(R"({"attempt":0})").error().detail,
              R"(the event's "attempt" counts from 1)");
    EXPECT_EQ(decode_event(R"({"publish_time":"now"})").error().detail,
              R"(the event's "publish_time" is no RFC 3339 time)");
    EXPECT_EQ(decode_event(R"({"headers":{"a":1}})").error().detail,
              R"(the event's "headers" must be an object of texts)");
    EXPECT_EQ(decode_event(R"({"body_base64":"?"})").error().detail,
              R"(the event's "body_base64" is no base64)");
    EXPECT_EQ(decode_event(R"({"body":"a","body_base64":"YQ=="})").error().detail,
              R"(the event's "body_base64" excludes "body")");
}

TEST(WorkerProtocol, AWorkerOfOursReadsTheFramesThatWereWritten) {
    const Order event = decode_order(event_frame("7", full_event(), 5, "filter"));
    EXPECT_EQ(event.kind, Order::Kind::event);
    EXPECT_EQ(event.problem, "");
    EXPECT_EQ(event.id, "7");
    EXPECT_EQ(event.role, "filter");
    EXPECT_EQ(event.deadline_ms, 5);
    EXPECT_EQ(event.event, full_event());
    EXPECT_EQ(decode_order(event_frame("7", full_event(), 5)).role, "handler");

    const Order script = decode_order(script_frame({"handler", 4, "return \"x\"\n"}));
    EXPECT_EQ(script.kind, Order::Kind::script);
    EXPECT_EQ(script.script.role, "handler");
    EXPECT_EQ(script.script.version, 4U);
    EXPECT_EQ(script.script.code, "return \"x\"\n");
    EXPECT_EQ(script.script.name, "");
    const Script named{"filter", 1, "", "orders.lua"};
    EXPECT_EQ(decode_order(script_frame(named)).script.name, "orders.lua");

    const Order result = decode_order(result_frame(3, R"("status":200)"));
    EXPECT_EQ(result.kind, Order::Kind::result);
    EXPECT_EQ(result.call, 3U);
    EXPECT_TRUE(result.ok);
    EXPECT_EQ(result.arguments, R"({"type":"result","call":3,"ok":true,"status":200})");
    const Order failed = decode_order(failed_result_frame(3, "gone"));
    EXPECT_FALSE(failed.ok);
    EXPECT_EQ(failed.error, "gone");
    EXPECT_EQ(result_frame(1, ""), R"({"type":"result","call":1,"ok":true})");
}

TEST(WorkerProtocol, SaysWhatIsWrongWithAFrameToAWorker) {
    EXPECT_EQ(decode_order("x").problem, "the frame is no JSON object");
    EXPECT_EQ(decode_order(R"({"type":"event","id":"1"})").problem, R"("event" is missing)");
    EXPECT_EQ(decode_order(R"({"type":"event","id":"1","event":{"id":1}})").problem,
              R"("event" is wrong: "id" must be a text)");
    EXPECT_EQ(decode_order(R"({"type":"script","code":""})").problem,
              R"("role" is missing or empty)");
    EXPECT_EQ(decode_order(R"({"type":"later"})").kind, Order::Kind::ignored);
}

TEST(WorkerProtocol, ReadsAnAnswerAsTheWorkerWroteIt) {
    const Heard good =
        decode_frame(R"({"id":"7","ok":true,"result":{"n":1.50,"big":9007199254740993}})");
    EXPECT_EQ(good.kind, Kind::answer);
    EXPECT_EQ(good.problem, "");
    EXPECT_EQ(good.id, "7");
    EXPECT_TRUE(good.answer.ok);
    EXPECT_EQ(good.answer.result, R"({"n":1.50,"big":9007199254740993})");

    const Heard bad = decode_frame(
        R"({"id":"8","ok":false,"error":"no stock","retry_after_ms":5000.0,"dead":true})");
    EXPECT_FALSE(bad.answer.ok);
    EXPECT_TRUE(bad.answer.dead);
    EXPECT_EQ(bad.answer.error, "no stock");
    EXPECT_EQ(bad.answer.retry_after_ms, 5000U);
    EXPECT_EQ(decode_frame(R"({"id":"7","ok":true,"r\u0065sult":[1]})").answer.result, "[1]");
}

TEST(WorkerProtocol, GivesAResultAsABody) {
    const auto body_of = [](std::string_view members) {
        const Heard heard = decode_frame(R"({"id":"7","ok":true)" + std::string(members) + "}");
        EXPECT_EQ(heard.problem, "");
        return result_body(heard.answer);
    };
    EXPECT_EQ(body_of(""), "");
    EXPECT_EQ(body_of(R"(,"result":"a\n\u00e9")"), "a\n\xC3\xA9");
    EXPECT_EQ(body_of(R"(,"result":{"a": 1.0})"), R"({"a": 1.0})");
    EXPECT_EQ(body_of(R"(,"result_base64":"/w==")"), "\xFF");
}

TEST(WorkerProtocol, ReadsWritesReadsAndADrop) {
    const Heard heard = decode_frame(
        R"({"id":"7","ok":true,"dropped":true,"writes":[{"key":"a","value":"1","ttl_ms":60000},)"
        R"({"key":"b","value_base64":"/w=="},{"key":"c","delete":true},{"key":"d","add":-2}],)"
        R"("reads":[{"key":"a","version":12},{"key":"b","version":0}]})");
    ASSERT_EQ(heard.problem, "");
    EXPECT_TRUE(heard.answer.dropped);
    const std::vector<Write> writes{{"a", Write::Kind::put, "1", 0, 60'000},
                                    {"b", Write::Kind::put, "\xFF", 0, 0},
                                    {"c", Write::Kind::erase, "", 0, 0},
                                    {"d", Write::Kind::add, "", -2, 0}};
    EXPECT_EQ(heard.answer.writes, writes);
    const std::vector<Read> reads{{"a", 12}, {"b", 0}};
    EXPECT_EQ(heard.answer.reads, reads);
}

TEST(WorkerProtocol, ReadsAPublishLine) {
    const Heard heard =
        decode_frame(R"({"type":"publish","id":"7","topic":"done","json":{"a":1.0},"tags":["x"],)"
                     R"("routing_key":"r","ordering_key":"o","delay_ms":1500})");
    ASSERT_EQ(heard.problem, "");
    EXPECT_EQ(heard.kind, Kind::publish);
    const Publish publish{"done", "", R"({"a":1.0})", {"x"}, "r", "o", "application/json", 1500};
    EXPECT_EQ(heard.publish, publish);
    const Heard queue =
        decode_frame(R"({"type":"publish","id":"7","queue":"q","body_base64":"/w=="})");
    EXPECT_EQ(queue.publish.queue, "q");
    EXPECT_EQ(queue.publish.body, "\xFF");
}

TEST(WorkerProtocol, ReadsWhatIsToBePublishedAsItStandsInAList) {
    const auto items = decode_list(
        R"({"x":[9],"publish":[ {"queue":"a","json":{"n":1.50}}, {"topic":"t]","body":"\"}"},7 ]})",
        "publish");
    ASSERT_TRUE(items);
    ASSERT_EQ(items->size(), 3U);
    const Heard first = decode_publish((*items)[0]);
    EXPECT_EQ(first.problem, "");
    EXPECT_EQ(first.publish.queue, "a");
    EXPECT_EQ(first.publish.body, R"({"n":1.50})");
    EXPECT_EQ(first.publish.content_type, "application/json");
    EXPECT_EQ(decode_publish((*items)[1]).publish.body, "\"}");
    EXPECT_EQ(decode_publish((*items)[2]).problem, "it is no JSON object");
    EXPECT_EQ(decode_publish(R"({"queue":"a"})").problem,
              R"("publish" needs either "body", "body_base64" or "json")");
    EXPECT_TRUE(decode_list("{}", "publish")->empty());
    EXPECT_TRUE(decode_list(R"({"publish":null})", "publish")->empty());
    EXPECT_TRUE(decode_list(R"({"publish":[]})", "publish")->empty());
    EXPECT_EQ(decode_list(R"({"publish":{}})", "publish").error().detail,
              R"("publish" must be a list)");
    EXPECT_EQ(decode_list("[1]", "publish").error().detail, "it is no JSON object");
}

TEST(WorkerProtocol, ReadsTheSmallerFrames) {
    EXPECT_EQ(decode_frame(R"({"type":"ready"})").kind, Kind::ready);
    const Heard log = decode_frame(R"({"type":"log","text":"hello"})");
    EXPECT_EQ(log.kind, Kind::log);
    EXPECT_EQ(log.log.level, "info");
    EXPECT_EQ(log.log.text, "hello");
    EXPECT_EQ(log.id, "");
    EXPECT_EQ(decode_frame(R"({"type":"extend","id":"7","by_ms":500})").extend_ms, 500U);
    const Heard loaded =
        decode_frame(R"({"type":"loaded","role":"handler","version":2,"error":"x:1: y"})");
    EXPECT_EQ(loaded.kind, Kind::loaded);
    EXPECT_EQ(loaded.loaded.version, 2U);
    EXPECT_EQ(loaded.loaded.error, "x:1: y");
    const Heard call =
        decode_frame(R"({"type":"call","id":"7","call":3,"name":"kv_get","key":"k"})");
    EXPECT_EQ(call.kind, Kind::call);
    EXPECT_EQ(call.call.number, 3U);
    EXPECT_EQ(call.call.name, "kv_get");
    EXPECT_EQ(call.call.arguments,
              R"({"type":"call","id":"7","call":3,"name":"kv_get","key":"k"})");
    const Heard tripped = decode_frame(R"({"type":"tripped","id":"7","error":"time"})");
    EXPECT_EQ(tripped.kind, Kind::tripped);
    EXPECT_EQ(tripped.answer.error, "time");
}

TEST(WorkerProtocol, TakesALineThatIsNoObjectAsText) {
    for (const std::string_view line : {"hello",
                                        "",
                                        "7",
                                        "[1]",
                                        "{\"id\":\"7\"",
                                        "{'id':1}",
                                        "null",
                                        "{\"id\":\"\xFF\",\"ok\":true}",
                                        "{}{}"})
        EXPECT_EQ(decode_frame(line).kind, Kind::text) << line;
    EXPECT_EQ(decode_frame(tall(39)).kind, Kind::answer);
    EXPECT_EQ(decode_frame(tall(40)).kind, Kind::text) << "deeper than the limit";
    EXPECT_EQ(decode_frame(R"({"type":"newer","id":"1"})").kind, Kind::ignored);
    EXPECT_EQ(decode_frame(R"({"type":"newer"})").problem, "");
}

TEST(WorkerProtocol, SaysWhatIsWrongWithAFrameFromAWorker) {
    EXPECT_EQ(problem_of("{}"), R"("id" is missing or empty)");
    EXPECT_EQ(problem_of(R"({"id":7,"ok":true})"), R"("id" must be a text)");
    EXPECT_EQ(problem_of(R"({"id":"7"})"), R"("ok" is missing: true or false)");
    EXPECT_EQ(problem_of(R"({"id":"7","ok":1})"), R"("ok" must be true or false)");
    EXPECT_EQ(problem_of(R"({"id":"7","ok":false,"retry_after_ms":-1})"),
              R"("retry_after_ms" must be a whole number from 0 to 4294967295)");
    EXPECT_EQ(problem_of(R"({"id":"7","ok":false,"retry_after_ms":1e300})"),
              R"("retry_after_ms" must be a whole number from 0 to 4294967295)");
    EXPECT_EQ(problem_of(R"({"id":"7","ok":true,"dead":true})"), R"("dead" contradicts "ok":true)");
    EXPECT_EQ(
        problem_of(R"({"id":"7","ok":true,"writes":[{"key":"a"}]})"),
        R"("writes" has a wrong item: "writes" need one of value, value_base64, delete and add)");
    EXPECT_EQ(problem_of(R"({"type":5})"), R"("type" must be a text)");
    EXPECT_EQ(problem_of(R"({"type":"publish","id":"7","body":"x"})"),
              R"("publish" needs either "topic" or "queue")");
    EXPECT_EQ(problem_of(R"({"type":"publish","id":"7","topic":"t","body":"x","json":1})"),
              R"("publish" needs either "body", "body_base64" or "json")");
    EXPECT_EQ(problem_of(R"({"type":"log","level":"loud","text":"x"})"),
              R"("level" must be debug, info, warn or error)");
    EXPECT_EQ(problem_of(R"({"type":"extend","id":"7"})"), R"("by_ms" must be at least 1)");
}

TEST(WorkerFrames, LinesComeWholeHoweverTheBytesArrive) {
    const std::string stream = "{\"a\":1}\r\n\n{\"b\":2}\nrest";
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        FrameReader reader(Framing::lines, 16);
        std::vector<std::string> frames;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            ASSERT_TRUE(reader.put(std::string_view(stream).substr(at, step)));
            while (const auto frame = reader.next()) frames.emplace_back(*frame);
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"})) << step;
        EXPECT_EQ(reader.unfinished(), 4U);
    }
}

TEST(WorkerFrames, ContentLengthComesWholeHoweverTheBytesArrive) {
    const std::string stream = framed(Framing::content_length, "{\"a\":\n1}") +
                               "content-length: 2\r\nContent-Type: x\r\n\r\n{}";
    EXPECT_EQ(stream.substr(0, 29), "Content-Length: 8\r\n\r\n{\"a\":\n1}");
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        FrameReader reader(Framing::content_length, 16);
        std::vector<std::string> frames;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            ASSERT_TRUE(reader.put(std::string_view(stream).substr(at, step)));
            while (const auto frame = reader.next()) frames.emplace_back(*frame);
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"{\"a\":\n1}", "{}"})) << step;
    }
}

TEST(WorkerFrames, RefuseWhatIsLongerThanTheLimit) {
    FrameReader open(Framing::lines, 4);
    EXPECT_TRUE(open.put("1234"));
    EXPECT_EQ(open.put("5").error().detail, "a frame is longer than 4 bytes");
    FrameReader closed(Framing::lines, 4);
    EXPECT_FALSE(closed.put("1\n12345\n1\n"));
    FrameReader length(Framing::content_length, 4);
    EXPECT_FALSE(length.put("Content-Length: 5\r\n\r\n"));
}

TEST(WorkerFrames, RefuseHeadsThatAreNone) {
    for (const std::string_view head : {"Content-Length: -1\r\n\r\n",
                                        "Content-Length: 1x\r\n\r\n",
                                        "Content-Length:\r\n\r\n",
                                        "Content-Type: x\r\n\r\n",
                                        "hello\r\n\r\n",
                                        "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
                                        "Content-Length: 99999999999999999999\r\n\r\n"}) {
        FrameReader reader(Framing::content_length);
        EXPECT_FALSE(reader.put(head)) << head;
    }
    FrameReader endless(Framing::content_length);
    EXPECT_FALSE(endless.put(std::string(1024, 'a')));
}

}  // namespace
}  // namespace penstock::sinks::worker
