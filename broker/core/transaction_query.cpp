#include "broker/core/transaction_query.h"

#include "broker/core/records.h"

namespace penstock::core {

namespace {

// A page never looks at more than this.
constexpr std::uint32_t rows_looked_at_max = 4'096;

}  // namespace

PeekPage prepared_messages(const Rows& rows,
                           QueueNo queue,
                           std::uint64_t first,
                           std::uint32_t limit) {
    const std::uint32_t clears = load_or_default<LogHead>(rows, keys::head(queue)).clears;
    PeekPage page;
    std::uint32_t looked_at = 0;
    rows.scan(keys::transaction(queue, MessageId{first}),
              keys::prefix_end('T', queue),
              [&](std::string_view key, std::string_view value) {
                  const std::uint64_t id = keys::last_u64(key);
                  if (page.items.size() == limit || ++looked_at > rows_looked_at_max) {
                      page.next = id;
                      return false;
                  }
                  const auto row = decode<TransactionRow>(value);
                  if (!row.open() || row.clears != clears) return true;
                  PeekedMessage message;
                  message.position = id;
                  message.message = MessageId{id};
                  message.body = row.body;
                  message.sent_ms = row.sent_ms;
                  message.checks = row.checks;
                  if (row.state == TransactionRow::State::waiting) message.due_ms = row.due_ms;
                  page.items.push_back(std::move(message));
                  return true;
              });
    return page;
}

std::optional<MessagePlace> prepared_place(const Rows& rows, QueueNo queue, MessageId message) {
    const auto bytes = rows.get(keys::transaction(queue, message));
    if (!bytes) return {};
    const auto row = decode<TransactionRow>(*bytes);
    const auto head = load_or_default<LogHead>(rows, keys::head(queue));
    const bool in_log = row.state == TransactionRow::State::committed;
    if (in_log || row.clears != head.clears) return {};
    MessagePlace place;
    place.object = queue;
    place.count = row.checks;
    place.state = row.state == TransactionRow::State::rolled_back   ? "rolled_back"
                  : row.state == TransactionRow::State::unconfirmed ? "unconfirmed"
                                                                    : "prepared";
    if (row.state == TransactionRow::State::waiting) place.due_ms = row.due_ms;
    return place;
}

bool check_due(const Rows& rows, QueueNo queue) {
    return load_or_default<TransactionTotals>(rows, keys::transaction_totals(queue)).asking > 0;
}

void count_transactions(const Rows& rows, QueueNo queue, QueueCounts& counts) {
    const auto totals = load_or_default<TransactionTotals>(rows, keys::transaction_totals(queue));
    counts.prepared = totals.open;
    counts.committed = totals.committed;
    counts.rolled_back = totals.rolled_back;
    counts.unconfirmed = totals.unconfirmed;
}

}  // namespace penstock::core
