#include "broker/core/matcher.h"

#include <algorithm>

namespace penstock::core {

namespace {

// Calls `visit` with each dot-separated word; an empty text has no words.
template <class Visit>
void for_each_word(std::string_view text, const Visit& visit) {
    if (text.empty()) return;
    while (true) {
        const std::size_t dot = text.find('.');
        visit(text.substr(0, dot));
        if (dot == std::string_view::npos) return;
        text.remove_prefix(dot + 1);
    }
}

}  // namespace

void TagMatcher::add(SubscriptionNo subscription, const model::SubscriptionSpec& spec) {
    if (spec.filter_tags.empty()) all_.push_back(subscription);
    for (const std::string& tag : spec.filter_tags) by_tag_[tag].push_back(subscription);
}

void TagMatcher::match(const model::MessageMeta& meta, std::vector<SubscriptionNo>& out) const {
    out.insert(out.end(), all_.begin(), all_.end());
    for (const std::string& tag : meta.tags) {
        const auto found = by_tag_.find(tag);
        if (found != by_tag_.end())
            out.insert(out.end(), found->second.begin(), found->second.end());
    }
}

void WordMatcher::add(SubscriptionNo subscription, const model::SubscriptionSpec& spec) {
    if (spec.binding_keys.empty()) all_.push_back(subscription);
    for (const std::string& pattern : spec.binding_keys) {
        Node* node = &root_;
        for_each_word(pattern, [&](std::string_view word) {
            std::unique_ptr<Node>* next = nullptr;
            if (word == "*")
                next = &node->star;
            else if (word == "#")
                next = &node->hash;
            else
                next = &node->words[std::string(word)];
            if (!*next) *next = std::make_unique<Node>();
            (*next)->is_hash = word == "#";
            node = next->get();
        });
        node->here.push_back(subscription);
    }
}

// A node is entered together with what `#` reaches by matching no word at all.
void WordMatcher::enter(const Node* node, States& states) {
    if (std::find(states.begin(), states.end(), node) != states.end()) return;
    states.push_back(node);
    if (node->hash) enter(node->hash.get(), states);
}

WordMatcher::States WordMatcher::step(const States& states, std::string_view word) {
    States next;
    for (const Node* node : states) {
        if (node->is_hash) enter(node, next);
        const auto found = node->words.find(word);
        if (found != node->words.end()) enter(found->second.get(), next);
        if (node->star && !word.empty()) enter(node->star.get(), next);
    }
    return next;
}

void WordMatcher::match(const model::MessageMeta& meta, std::vector<SubscriptionNo>& out) const {
    out.insert(out.end(), all_.begin(), all_.end());
    States states;
    enter(&root_, states);
    for_each_word(meta.routing_key, [&](std::string_view word) { states = step(states, word); });
    for (const Node* node : states) out.insert(out.end(), node->here.begin(), node->here.end());
}

std::unique_ptr<Matcher> make_matcher(model::FilterKind kind) {
    if (kind == model::FilterKind::routing_key) return std::make_unique<WordMatcher>();
    return std::make_unique<TagMatcher>();
}

}  // namespace penstock::core
