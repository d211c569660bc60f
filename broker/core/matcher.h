// Matching: which subscriptions of a topic a message goes to. A publish costs its matches, not the
// number of subscriptions: tags are looked up in a map, dotted keys walk a trie of words. Built
// from the topic's subscriptions, kept as a cache, never in rows.
#pragma once

#include "broker/model/message.h"
#include "broker/model/objects.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::core {

using model::SubscriptionNo;

// Tells which subscriptions want a message. One kind per way of addressing; the topic picks.
class Matcher {
  public:
    virtual ~Matcher() = default;

    virtual void add(SubscriptionNo subscription, const model::SubscriptionSpec& spec) = 0;

    // Appends the matching subscriptions, in any order, possibly more than once.
    virtual void match(const model::MessageMeta& meta, std::vector<SubscriptionNo>& out) const = 0;
};

// FilterKind::tags: a subscription without tags wants everything, else one tag in common.
class TagMatcher final : public Matcher {
  public:
    void add(SubscriptionNo subscription, const model::SubscriptionSpec& spec) override;
    void match(const model::MessageMeta& meta, std::vector<SubscriptionNo>& out) const override;

  private:
    std::vector<SubscriptionNo> all_;
    std::map<std::string, std::vector<SubscriptionNo>, std::less<>> by_tag_;
};

// FilterKind::routing_key: words split by dots; `*` is exactly one non-empty word, `#` zero or more
// words (cmq-api.md 4.5); a subscription without keys wants everything. Time grows with words times
// matching trie nodes, never exponentially.
class WordMatcher final : public Matcher {
  public:
    void add(SubscriptionNo subscription, const model::SubscriptionSpec& spec) override;
    void match(const model::MessageMeta& meta, std::vector<SubscriptionNo>& out) const override;

  private:
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> words;
        std::unique_ptr<Node> star;
        std::unique_ptr<Node> hash;
        bool is_hash = false;
        std::vector<SubscriptionNo> here;
    };

    using States = std::vector<const Node*>;

    static void enter(const Node* node, States& states);
    static States step(const States& states, std::string_view word);

    std::vector<SubscriptionNo> all_;
    Node root_;
};

std::unique_ptr<Matcher> make_matcher(model::FilterKind kind);

}  // namespace penstock::core
