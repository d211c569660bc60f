// Parameters: the decoded form of one request, in the byte order of names that signatures want.
// Owned by its request, one thread.
#pragma once

#include "plugins/cmq_http/faults.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::plugins::cmq {

class Parameters {
  public:
    using Parameter = std::pair<std::string, std::string>;

    // Reads "name=value&..." as HTML forms are written: '+' and %XX decoded. Refuses names that no
    // parameter has, names given twice, values that are not UTF-8, more than parameters_max. Spaces
    // behind a name are not part of it, but in all(), as they were sent and signed.
    Failure parse(std::string_view form);

    // The same from the parts of a multipart/form-data body, whose names and values are plain.
    Failure parse_parts(std::string_view body, std::string_view boundary);

    // Of a request that came in another form: well-formed names, each once, and UTF-8.
    static Parameters of(std::vector<Parameter> parameters);

    [[nodiscard]] const std::vector<Parameter>& all() const { return sorted_; }

    // Nothing when absent.
    [[nodiscard]] const std::string* find(std::string_view name) const;

    // The items `name`.n with their names, by n; whatever n they begin with.
    struct Item {
        unsigned index = 0;
        const Parameter* parameter = nullptr;
    };

    [[nodiscard]] std::vector<Item> items(std::string_view name) const;

  private:
    // Nothing: what was sent is malformed.
    Failure add(std::optional<std::string> name, std::optional<std::string> value);
    Failure sort();

    std::vector<Parameter> sorted_;
};

}  // namespace penstock::plugins::cmq
