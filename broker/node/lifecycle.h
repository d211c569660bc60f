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
    // `names` are the rows of set 0, `submit` takes what belongs into its log.
    Lifecycle(const model::Rows& names,
              HostedSet& data,
              SubmitTo submit,
              const NodeOptions& options,
              Completions& completions)
        : names_(names),
          data_(data),
          submit_(std::move(submit)),
          options_(options),
          completions_(completions) {}

    // A dead-letter queue in another set hears of its new source.
    struct Binding {
        model::SetId set;
        model::BindDeadLetter command;
    };

    struct Creation {
        CallPtr call;
        std::vector<model::NameRequest> names;
        // The data set's commands, one per name and in their order.
        std::function<std::vector<model::Command>(const std::vector<model::ObjectNo>&)> commands;
        // What must hold before them; may be empty.
        std::function<std::vector<Binding>(const std::vector<model::ObjectNo>&)> bindings;
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

    // Finishes or undoes what an earlier leader of the data set left half done. Does nothing while
    // a creation of this one is under way.
    void recover();

  private:
    struct Making;

    void reserved(const std::shared_ptr<Making>& making, std::vector<model::ObjectNo> numbers);
    void bind_next(const std::shared_ptr<Making>& making);
    void make_next(const std::shared_ptr<Making>& making);
    void failed(const std::shared_ptr<Making>& making, model::Refusal why);
    void undo(const std::shared_ptr<Making>& making, model::Refusal why);
    void delete_hidden(Removal removal);
    void release(Removal removal);
    [[nodiscard]] bool exists(const core::NameInfo& name) const;

    void submit_name(model::Command command, CallPtr call, std::function<void(model::Reply)> done) {
        submit_(model::names_set,
                Submission{std::move(command), {}, std::move(call), std::move(done)});
    }

    const model::Rows& names_;
    HostedSet& data_;
    SubmitTo submit_;
    const NodeOptions& options_;
    Completions& completions_;
    std::size_t makings_ = 0;
    std::set<model::ObjectNo> removing_;
};

}  // namespace penstock::node
