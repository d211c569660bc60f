#include "broker/core/outbox_query.h"

#include "broker/core/records.h"

#include <algorithm>

namespace penstock::core {

namespace {

OutboxHead head_of(const model::Rows& rows, model::SetId target) {
    const auto bytes = rows.get(keys::outbox_head(target));
    return bytes ? decode<OutboxHead>(*bytes) : OutboxHead{};
}

OutboxItem item_of(const OutboxRow& row, std::uint64_t number, std::uint64_t answered_to) {
    OutboxItem item;
    item.transfer.number = number;
    item.transfer.answered_to = answered_to;
    item.transfer.kind = row.kind;
    item.transfer.object = row.object;
    item.transfer.message = row.message;
    item.transfer.not_before_ms = row.not_before_ms;
    if (row.in_order) item.transfer.in_order = row.from;
    item.transfer.refused_to = row.refused_to;
    item.transfer.dead = row.dead;
    item.body = row.body;
    return item;
}

// What a publish feeds to several queues. Everything else is one of a kind: a delay or a dead
// letter may stand under the place of its body.
bool share_body(const OutboxItem& one, const OutboxItem& other) {
    const auto is_feed = [](const OutboxItem& item) {
        return item.transfer.kind == model::TransferKind::feed;
    };
    return is_feed(one) && is_feed(other) && one.body == other.body;
}

}  // namespace

std::vector<OutboxItem> outbox_due(const model::Rows& rows,
                                   model::SetId target,
                                   std::uint64_t after,
                                   std::uint32_t limit,
                                   std::uint32_t bodies_max) {
    const OutboxHead head = head_of(rows, target);
    std::vector<OutboxItem> due;
    std::uint32_t bodies = 0;
    // To the end of all that may come, not of what is there: the same range each time.
    rows.scan(keys::outbox(target, std::max(after + 1, head.first)),
              keys::outbox(target, UINT64_MAX),
              [&](std::string_view key, std::string_view value) {
                  if (due.size() == limit) return false;
                  OutboxItem item =
                      item_of(decode<OutboxRow>(value), keys::last_u64(key), head.first - 1);
                  item.shares_body = !due.empty() && share_body(due.back(), item);
                  if (!item.shares_body && ++bodies > bodies_max) return false;
                  due.push_back(std::move(item));
                  return true;
              });
    return due;
}

std::uint64_t outbox_first(const model::Rows& rows, model::SetId target) {
    return head_of(rows, target).first;
}

OutboxFigures outbox_figures(const model::Rows& rows, model::SetId target) {
    const OutboxHead head = head_of(rows, target);
    OutboxFigures figures;
    figures.target = target;
    figures.first = head.first;
    figures.waiting = head.next - head.first;
    figures.refused = head.refused;
    figures.parked = head.parked;
    figures.dropped = head.dropped;
    if (const auto oldest = rows.get(keys::outbox(target, head.first))) {
        figures.oldest_ms = decode<OutboxRow>(*oldest).queued_ms;
    }
    return figures;
}

LettersOnTheWay letters_on_the_way(const model::Rows& rows) {
    constexpr std::size_t looked_at_max = 4'096;
    std::size_t looked_at = 0;
    LettersOnTheWay letters;
    rows.scan("O", "P", [&](std::string_view, std::string_view value) {
        const auto row = decode<OutboxRow>(value);
        if (row.origin == Origin::redrive) letters.from.insert(row.from);
        letters.more = ++looked_at == looked_at_max;
        return !letters.more;
    });
    return letters;
}

std::vector<model::SetId> outbox_targets(const model::Rows& rows) {
    std::vector<model::SetId> targets;
    rows.scan("P", "Q", [&](std::string_view key, std::string_view) {
        targets.emplace_back(static_cast<std::uint16_t>(keys::object_of(key).value));
        return true;
    });
    return targets;
}

}  // namespace penstock::core
