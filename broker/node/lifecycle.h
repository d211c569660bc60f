// Lifecycle: creates and deletes objects, which takes entries in both sets: reserve the names ->
// make the objects -> show the names; hide the name -> delete the object -> free the name. A
// refusal in the middle undoes what was done; what a crash cut short is finished at the next start
// (recover). Owned by the Node, broker thread only.
#pragma once

#include "broker/node/completions.h"
#include "broker/node/hosted_set.h"
#include "broker/node/names.h"
#include "broker/node/options.h"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::node {

class Lifecycle {
  public:
    Lifecycle(HostedSet& names,
              HostedSet& data,
              const NodeOptions& options,
              Completions& completions)
        : names_(names), data_(data), options_(options), completions_(completions) {}

    struct Creation {
        CallPtr call;
        std::vector<model::NameRequest> names;
        // The data set's commands, one per name and in their order.
        std::function<std::vector<model::Command>(const std::vector<model::ObjectNo>&)> commands;
        std::function<void()> created;  // answers the call
    };

    void create(Creation creation);

    struct Removal {
        CallPtr call;  // nothing: the node's own
        model::ObjectNo number;
        model::ObjectKind kind = model::ObjectKind::queue;
        std::function<void()> removed;  // answers the call; may be empty
    };

    // False when the object is being removed already.
    bool remove(Removal removal);

    // Finishes or undoes what the last run left half done.
    void recover();

  private:
    struct Making;

    void reserved(const std::shared_ptr<Making>& making, std::vector<model::ObjectNo> numbers);
    void make_next(const std::shared_ptr<Making>& making);
    void undo(const std::shared_ptr<Making>& making, model::Refusal why);
    void delete_hidden(Removal removal);
    void release(Removal removal);
    [[nodiscard]] bool exists(const core::NameInfo& name) const;

    HostedSet& names_;
    HostedSet& data_;
    const NodeOptions& options_;
    Completions& completions_;
    std::set<model::ObjectNo> removing_;
};

}  // namespace penstock::node
