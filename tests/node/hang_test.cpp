// A sync that hangs: calls are answered in time by another thread, and honestly.
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace penstock::testing {

namespace {

class HookedFile final : public File {
  public:
    HookedFile(std::unique_ptr<File> file, const std::function<void()>& before_sync)
        : file_(std::move(file)), before_sync_(before_sync) {}

    Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
        return file_->read_at(offset, length, out);
    }

    Result<bool> try_read_cached(std::uint64_t offset,
                                 std::size_t length,
                                 char* out) const override {
        return file_->try_read_cached(offset, length, out);
    }

    Result<void> write_at(std::uint64_t offset,
                          const std::vector<std::string_view>& parts) override {
        return file_->write_at(offset, parts);
    }

    Result<void> sync() override {
        if (before_sync_) before_sync_();
        return file_->sync();
    }

    Result<void> allocate(std::uint64_t bytes) override { return file_->allocate(bytes); }

    Result<void> truncate(std::uint64_t bytes) override { return file_->truncate(bytes); }

    [[nodiscard]] Result<std::uint64_t> size() const override { return file_->size(); }

  private:
    std::unique_ptr<File> file_;
    const std::function<void()>& before_sync_;
};

class HookedDisk final : public Disk {
  public:
    Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override {
        auto file = disk_.open(path, mode);
        if (!file) return file.error();
        return std::make_unique<HookedFile>(std::move(*file), before_sync);
    }

    Result<std::vector<std::string>> list(const std::string& folder) const override {
        return disk_.list(folder);
    }

    Result<void> make_folder(const std::string& path) override { return disk_.make_folder(path); }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return disk_.rename(from, to);
    }

    Result<void> remove(const std::string& path) override { return disk_.remove(path); }

    Result<void> sync_folder(const std::string& folder) override {
        return disk_.sync_folder(folder);
    }

    [[nodiscard]] Result<Space> space(const std::string& folder) const override {
        return disk_.space(folder);
    }

    std::function<void()> before_sync;

  private:
    MemoryDisk disk_;
};

}  // namespace

TEST(Hang, CallsAreAnsweredWhileTheSyncHangs) {
    SteppedNode parts;
    HookedDisk disk;
    const auto rows = [](const std::string&) {
        return storage::make_memory_rows();
    };
    node::Node node({disk, parts.clock, parts.random, parts.offload, rows}, parts.options);
    ASSERT_TRUE(node.open());
    std::map<std::string, model::Reason> reasons;
    const auto create = [&](const std::string& name) {
        node.call({}, create_queue(name), {}, [&reasons, name](const std::any& any) {
            const auto& outcome = std::any_cast<const api::Outcome<api::QueueView>&>(any);
            reasons[name] = outcome ? model::Reason::none : outcome.error().reason;
        });
    };
    create("proposed");
    bool hung = false;
    disk.before_sync = [&] {
        if (std::exchange(hung, true)) return;
        create("waiting");
        parts.clock.advance_ms(9'999);
        node.relieve();
        EXPECT_TRUE(reasons.empty()) << "not yet";
        parts.clock.advance_ms(1);
        node.relieve();
        EXPECT_EQ(reasons["proposed"], model::Reason::unknown_outcome);
        EXPECT_EQ(reasons["waiting"], model::Reason::overloaded);
    };
    for (int turn = 0; turn < 20; ++turn) ASSERT_TRUE(node.step());
    EXPECT_EQ(reasons.size(), 2U);
    const auto page =
        core::list_names(node.names_set().rows(), model::ObjectKind::queue, {}, 0, 10);
    ASSERT_EQ(page.total, 1U) << "the create under way went on, the other never began";
    EXPECT_EQ(page.items[0].name, "proposed");
}

}  // namespace penstock::testing
