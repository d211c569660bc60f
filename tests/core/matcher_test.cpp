// Matching against a naive matcher, and how long the worst patterns take.
#include "broker/core/matcher.h"

#include "broker/base/random.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

namespace penstock::core {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    if (text.empty()) return words;
    std::size_t from = 0;
    while (true) {
        const std::size_t dot = text.find('.', from);
        words.push_back(text.substr(from, dot - from));
        if (dot == std::string::npos) return words;
        from = dot + 1;
    }
}

// The definition of cmq-api.md 4.5, word by word.
bool naive(const std::vector<std::string>& pattern,
           std::size_t at,
           const std::vector<std::string>& key,
           std::size_t word) {
    if (at == pattern.size()) return word == key.size();
    if (pattern[at] == "#") {
        for (std::size_t skip = word; skip <= key.size(); ++skip) {
            if (naive(pattern, at + 1, key, skip)) return true;
        }
        return false;
    }
    if (word == key.size()) return false;
    const bool fits = pattern[at] == "*" ? !key[word].empty() : pattern[at] == key[word];
    return fits && naive(pattern, at + 1, key, word + 1);
}

model::SubscriptionSpec bound_to(std::vector<std::string> keys) {
    model::SubscriptionSpec spec;
    spec.binding_keys = std::move(keys);
    return spec;
}

std::vector<SubscriptionNo> matches(const Matcher& matcher, const model::MessageMeta& meta) {
    std::vector<SubscriptionNo> out;
    matcher.match(meta, out);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

model::MessageMeta routed(std::string key) {
    model::MessageMeta meta;
    meta.routing_key = std::move(key);
    return meta;
}

bool word_match(const std::string& pattern, const std::string& key) {
    WordMatcher matcher;
    matcher.add(SubscriptionNo{1}, bound_to({pattern}));
    return !matches(matcher, routed(key)).empty();
}

TEST(WordMatcher, FollowsTheOfficialExamples) {
    EXPECT_TRUE(word_match("1.*.0", "1.X.0"));
    EXPECT_FALSE(word_match("1.*.0", "1.2.3.0"));
    EXPECT_FALSE(word_match("1.*.0", "1..0"));
    EXPECT_TRUE(word_match("1.#.0", "1.2.3.4.4.2.2.0"));
    EXPECT_TRUE(word_match("1.#.0", "1.0"));
    EXPECT_TRUE(word_match("#", "anything.at.all"));
    EXPECT_TRUE(word_match("#", ""));
    EXPECT_FALSE(word_match("*", ""));
    EXPECT_TRUE(word_match("a.b", "a.b"));
    EXPECT_FALSE(word_match("a.b", "a.b.c"));
    EXPECT_FALSE(word_match("a.b", "A.B"));
    EXPECT_TRUE(word_match("#.end", "end"));
    EXPECT_TRUE(word_match("start.#", "start"));
    EXPECT_TRUE(word_match("#.#", ""));
    EXPECT_FALSE(word_match("#.*", ""));
}

TEST(WordMatcher, AgreesWithANaiveMatcherOnRandomPatterns) {
    SeededRandom random(20'261'120);
    const std::vector<std::string> alphabet = {"a", "b", "c", "*", "#", ""};
    const auto dotted = [&](std::size_t letters) {
        std::string text;
        const std::uint64_t words = 1 + random.below(6);
        for (std::uint64_t at = 0; at < words; ++at) {
            if (at > 0) text += '.';
            text += alphabet[random.below(letters)];
        }
        return text;
    };
    for (int round = 0; round < 300; ++round) {
        WordMatcher matcher;
        std::vector<std::string> patterns;
        for (std::uint32_t number = 1; number <= 12; ++number) {
            patterns.push_back(dotted(5));
            matcher.add(SubscriptionNo{number}, bound_to({patterns.back()}));
        }
        for (int keys = 0; keys < 10; ++keys) {
            std::string key = dotted(3);
            if (random.below(10) == 0) key += ".";
            std::vector<SubscriptionNo> expected;
            for (std::uint32_t number = 1; number <= 12; ++number) {
                if (naive(words_of(patterns[number - 1]), 0, words_of(key), 0)) {
                    expected.emplace_back(number);
                }
            }
            ASSERT_EQ(matches(matcher, routed(key)), expected) << key;
        }
    }
}

TEST(WordMatcher, ManyHashesDoNotMakeItSlow) {
    WordMatcher matcher;
    std::string pattern = "#";
    for (int word = 0; word < 7; ++word) pattern += ".a.#";
    for (std::uint32_t number = 1; number <= 200; ++number) {
        matcher.add(SubscriptionNo{number},
                    bound_to({pattern, pattern + "." + std::to_string(number), "#.#.#.#.b"}));
    }
    std::string key = "a";
    for (int word = 0; word < 15; ++word) key += ".a";
    const auto begin = std::chrono::steady_clock::now();
    std::size_t found = 0;
    for (int round = 0; round < 20; ++round) found += matches(matcher, routed(key)).size();
    const auto spent = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(found, 20U * 200U);
    EXPECT_LT(std::chrono::duration_cast<std::chrono::milliseconds>(spent).count(), 1'000);
}

TEST(WordMatcher, ASubscriptionWithoutKeysWantsEverything) {
    WordMatcher matcher;
    matcher.add(SubscriptionNo{1}, bound_to({}));
    EXPECT_THAT(matches(matcher, routed("a.b")), ElementsAre(SubscriptionNo{1}));
    EXPECT_THAT(matches(matcher, routed("")), ElementsAre(SubscriptionNo{1}));
}

TEST(WordMatcher, OneOfSeveralKeysIsEnough) {
    WordMatcher matcher;
    matcher.add(SubscriptionNo{1}, bound_to({"a.*", "b.#", "a.#"}));
    EXPECT_THAT(matches(matcher, routed("a.x")), ElementsAre(SubscriptionNo{1}));
    EXPECT_THAT(matches(matcher, routed("b")), ElementsAre(SubscriptionNo{1}));
    EXPECT_THAT(matches(matcher, routed("c")), IsEmpty());
}

TEST(TagMatcher, OneTagInCommonIsEnough) {
    TagMatcher matcher;
    model::SubscriptionSpec spec;
    matcher.add(SubscriptionNo{1}, spec);
    spec.filter_tags = {"red", "blue"};
    matcher.add(SubscriptionNo{2}, spec);
    spec.filter_tags = {"Red"};
    matcher.add(SubscriptionNo{3}, spec);
    model::MessageMeta meta;
    EXPECT_THAT(matches(matcher, meta), ElementsAre(SubscriptionNo{1}));
    meta.tags = {"green", "blue"};
    EXPECT_THAT(matches(matcher, meta), ElementsAre(SubscriptionNo{1}, SubscriptionNo{2}));
    meta.tags = {"red", "blue"};
    EXPECT_THAT(matches(matcher, meta), ElementsAre(SubscriptionNo{1}, SubscriptionNo{2}));
}

}  // namespace

}  // namespace penstock::core
