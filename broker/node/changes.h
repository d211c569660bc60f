// Changes: whoever changes the definition of an object reads it first, so changes of one object go
// one at a time: a later one waits its turn, in order, and begins a turn of the loop after the one
// before has ended, however that ended. Owned by a DataDesk, broker thread only; a Turn may end on
// any thread.
#pragma once

#include "broker/model/ids.h"
#include "broker/node/call.h"
#include "broker/node/mailbox.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace penstock::node {

inline constexpr std::size_t waiting_changes_max = 64;  // of one object

class Changes final : public std::enable_shared_from_this<Changes> {
  public:
    // Ends when its last copy goes: whoever may still change the object keeps one. That is longer
    // than its call waits: what was proposed may take effect after the call has timed out.
    using Turn = std::shared_ptr<const void>;
    using Change = std::function<void(const Turn&)>;

    explicit Changes(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

    // Runs `change` when its turn has come: now where nobody changes the object; never when the
    // call was answered or its caller has gone by then (null: it is the node's own). False: too
    // many wait, it is not taken.
    [[nodiscard]] bool enter(model::ObjectNo object, const CallPtr& call, Change change);

  private:
    struct Waiting {
        CallPtr call;
        Change change;
    };

    class Holder;

    void begin(model::ObjectNo object, const Change& change);
    void ended(model::ObjectNo object);

    std::shared_ptr<Mailbox> mailbox_;
    std::map<model::ObjectNo, std::deque<Waiting>> lines_;  // of objects that are being changed
};

}  // namespace penstock::node
