#include "broker/api/event_attributes.h"

#include <gtest/gtest.h>

namespace penstock::api {

namespace {

TEST(EventAttributes, NamesAreShortAndPlain) {
    for (const char* name : {"a", "0", "traceparent", "abcdefghijklmnopqrst"}) {
        EXPECT_TRUE(is_event_attribute(name)) << name;
    }
    for (const char* name : {"", "A", "a_b", "a-b", "a b", "\xC3\xA4", "abcdefghijklmnopqrstu"}) {
        EXPECT_FALSE(is_event_attribute(name)) << name;
    }
}

TEST(EventAttributes, AnEventIsKnownByItsVersion) {
    model::MessageMeta meta;
    EXPECT_FALSE(is_event(meta));
    meta.attributes = {{"ce-id", "1"}, {"ce-specversion", "0.3"}};
    EXPECT_FALSE(is_event(meta));
    meta.attributes[1].second = "1.0";
    EXPECT_TRUE(is_event(meta));
}

TEST(EventAttributes, TheSubtypeSaysWhatIsJson) {
    for (const char* type : {"application/json", "TEXT/JSON ; charset=utf-8", "a/vnd.b+Json"}) {
        EXPECT_TRUE(says_json(type)) << type;
    }
    for (const char* type : {"", "json", "application/jsonl", "text/plain; a=/json"}) {
        EXPECT_FALSE(says_json(type)) << type;
    }
}

}  // namespace

}  // namespace penstock::api
