#include "broker/node/letter_search.h"

#include <iterator>

namespace penstock::node {

namespace {

constexpr std::size_t looked_max = 4'000;  // messages a turn

}  // namespace

LetterSearch::LetterSearch(HostedSet& data,
                           Completions& completions,
                           CallPtr call,
                           model::QueueNo queue,
                           const std::vector<model::MessageId>& wanted,
                           std::function<void(Letters)> found)
    : data_(data),
      completions_(completions),
      call_(std::move(call)),
      queue_(queue),
      wanted_(wanted.begin(), wanted.end()),
      found_(std::move(found)) {}

void LetterSearch::go_on() {
    if (call_->answered()) return;
    core::FoundLetters page = core::find_letters(data_.rows(), queue_, next_, wanted_, looked_max);
    for (const core::DeadLetter& letter : page.items) wanted_.erase(letter.message);
    std::move(page.items.begin(), page.items.end(), std::back_inserter(letters_));
    next_ = page.next;
    if (next_ == 0 || wanted_.empty()) return found_(std::move(letters_));
    data_.confirm([self = shared_from_this()](bool leads) {
        if (leads) return self->go_on();
        self->completions_.refuse(
            self->call_,
            {model::Reason::unavailable, {}, "another node leads the set: try again in a moment"});
    });
}

}  // namespace penstock::node
