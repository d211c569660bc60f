// The first names of a kind, read once until set 0 applies something.
#include "broker/node/first_names.h"

#include "broker/core/names_query.h"
#include "tests/support/core_driver.h"

#include <gmock/gmock.h>

#include <string>

namespace penstock::node {
namespace {

using model::ObjectKind;
using ::testing::SizeIs;

// The driver's rows, and how often somebody went through them.
class CountedRows : public model::Rows {
  public:
    explicit CountedRows(const model::Rows& inner) : inner_(inner) {}

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        return inner_.get(key);
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        ++scans_;
        inner_.scan(first, end, visit);
    }

    [[nodiscard]] int scans() const { return scans_; }

  private:
    const model::Rows& inner_;
    mutable int scans_ = 0;
};

void create(testing::CoreDriver& driver, ObjectKind kind, const std::string& name) {
    model::ReserveNames command;
    command.names = {{kind, name}};
    command.set = model::first_data_set;
    driver.done(model::MarkReady{driver.apply_as<model::Reserved>(command).numbers});
}

TEST(FirstNames, AreReadAgainOnlyOnceSomethingWasApplied) {
    auto driver = testing::CoreDriver::name_set();
    create(driver, ObjectKind::queue, "b");
    create(driver, ObjectKind::topic, "t");
    const CountedRows rows(driver.rows());
    FirstNames names;
    for (int times = 0; times < 3; ++times) {
        EXPECT_EQ(names.of(rows, 2, ObjectKind::queue).total, 1U);
        EXPECT_EQ(names.of(rows, 2, ObjectKind::topic).items.at(0).name, "t");
        EXPECT_EQ(names.of(rows, 2, ObjectKind::subscription).total, 0U);
    }
    EXPECT_EQ(rows.scans(), 3);  // one a kind

    create(driver, ObjectKind::queue, "a");
    EXPECT_EQ(names.of(rows, 3, ObjectKind::queue).total, 2U);
    EXPECT_EQ(names.of(rows, 3, ObjectKind::queue).items.at(0).name, "a");
    EXPECT_EQ(rows.scans(), 4);
}

TEST(FirstNames, AllAreCountedAndTheFirstAreKept) {
    auto driver = testing::CoreDriver::name_set();
    for (std::uint64_t made = 0; made < FirstNames::names_max + 2; ++made) {
        create(driver, ObjectKind::queue, "q" + std::to_string(1000 + made));
    }
    FirstNames names;
    const core::NamePage& page = names.of(driver.rows(), 1, ObjectKind::queue);
    EXPECT_EQ(page.total, FirstNames::names_max + 2);
    ASSERT_THAT(page.items, SizeIs(FirstNames::names_max));
    EXPECT_EQ(page.items.front().name, "q1000");
}

}  // namespace
}  // namespace penstock::node
