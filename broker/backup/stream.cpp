// A backup as a stream:
//
//   stream = "PNSTKBKS"                  magic
//            u8  version                 1
//            u32 length, catalogue       catalogue.cpp
//            part*                       those of the first set, then those of the next one
//            "PNSTKEND"
//   part   = chunk*, u32 0
//   chunk  = u32 length, bytes           not empty, at most 256 KiB
//
// All numbers are little-endian.
#include "broker/backup/input.h"
#include "broker/backup/output.h"
#include "broker/base/bytes.h"

#include <utility>

namespace penstock::backup {

namespace {

constexpr std::string_view magic = "PNSTKBKS";
constexpr std::string_view end_magic = "PNSTKEND";
constexpr std::uint8_t version = 1;

class OutputStream final : public BackupOutput {
  public:
    explicit OutputStream(std::ostream& out) : out_(out) {}

    Result<void> begin(const Catalogue& catalogue) override {
        const std::string bytes = encode_catalogue(catalogue);
        std::string head;
        Writer writer(head);
        writer.raw(magic);
        writer.u8(version);
        writer.u32(static_cast<std::uint32_t>(bytes.size()));
        return write(head + bytes);
    }

    Result<std::optional<std::string>> stored(const SnapshotManifest& /*manifest*/,
                                              std::uint32_t /*part*/) override {
        return std::optional<std::string>();
    }

    void keep(const SnapshotManifest& /*manifest*/, std::uint32_t /*part*/) override {}

    Result<void> open_part(const SnapshotManifest& /*manifest*/, std::uint32_t /*part*/) override {
        return {};
    }

    Result<void> put(std::string_view bytes) override {
        if (bytes.empty()) return {};
        std::string head;
        Writer(head).u32(static_cast<std::uint32_t>(bytes.size()));
        if (auto wrote = write(head); !wrote) return wrote;
        return write(bytes);
    }

    Result<void> close_part() override {
        std::string end;
        Writer(end).u32(0);
        return write(end);
    }

    Result<void> finish() override {
        if (auto wrote = write(end_magic); !wrote) return wrote;
        out_.flush();
        return out_ ? Result<void>() : error(Errc::io, "cannot write the backup to the output");
    }

  private:
    Result<void> write(std::string_view bytes) {
        out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return out_ ? Result<void>() : error(Errc::io, "cannot write the backup to the output");
    }

    std::ostream& out_;
};

class InputStream final : public BackupInput {
  public:
    explicit InputStream(std::istream& in) : in_(in) {}

    Result<void> open() {
        auto head = take(magic.size() + 1 + 4);
        if (!head) return head.error();
        Reader reader(std::string_view(*head).substr(magic.size()));
        const bool known = head->starts_with(magic) && reader.u8() == version;
        if (!known) return error(Errc::invalid, "the input is no backup of a Penstock server");
        const std::uint32_t length = reader.u32();
        if (length > catalogue_bytes_max) return damaged("its catalogue is too long");
        const auto bytes = take(length);
        if (!bytes) return bytes.error();
        auto catalogue = decode_catalogue(*bytes);
        if (!catalogue) return damaged("its catalogue does not match its checksum");
        catalogue_ = std::move(*catalogue);
        return {};
    }

    [[nodiscard]] const Catalogue& catalogue() const override { return catalogue_; }

    Result<void> open_part(std::size_t set_at, std::uint32_t part) override {
        while (set_ != set_at || part_ != part) {
            if (auto skipped = skip(); !skipped) return skipped;
        }
        return {};
    }

    Result<std::string> next() override {
        if (ended_) return std::string();
        auto head = take(4);
        if (!head) return head;
        const std::uint32_t length = Reader(*head).u32();
        if (length > replication::chunk_bytes_max) return damaged("a chunk is too long");
        ended_ = length == 0;
        return take(length);
    }

    [[nodiscard]] std::string name_of(std::size_t set_at, std::uint32_t part) const override {
        return "the input, " + part_name(catalogue_.sets[set_at], part);
    }

    Result<void> finish() override {
        while (set_ < catalogue_.sets.size()) {
            if (auto skipped = skip(); !skipped) return skipped;
        }
        const auto end = take(end_magic.size());
        if (!end) return end.error();
        return *end == end_magic ? Result<void>() : damaged("it does not end as a backup does");
    }

  private:
    static Error damaged(const std::string& what) {
        return error(Errc::damaged, "the input is damaged: " + what);
    }

    // Reads the part at hand to its end.
    Result<void> skip() {
        if (set_ == catalogue_.sets.size()) return damaged("it has too few parts");
        while (!ended_) {
            if (auto piece = next(); !piece) return piece.error();
        }
        ended_ = false;
        if (++part_ < catalogue_.sets[set_].parts()) return {};
        part_ = 0;
        // A set without parts has nothing in the stream.
        while (++set_ < catalogue_.sets.size() && catalogue_.sets[set_].parts() == 0) {
        }
        return {};
    }

    Result<std::string> take(std::size_t length) {
        std::string bytes(length, '\0');
        in_.read(bytes.data(), static_cast<std::streamsize>(length));
        if (static_cast<std::size_t>(in_.gcount()) != length) {
            return damaged("it ends in the middle");
        }
        return bytes;
    }

    std::istream& in_;
    Catalogue catalogue_;
    std::size_t set_ = 0;  // the part at hand
    std::uint32_t part_ = 0;
    bool ended_ = false;
};

}  // namespace

std::unique_ptr<BackupOutput> make_output_stream(std::ostream& out) {
    return std::make_unique<OutputStream>(out);
}

Result<std::unique_ptr<BackupInput>> open_input_stream(std::istream& in) {
    auto input = std::make_unique<InputStream>(in);
    if (auto opened = input->open(); !opened) return opened.error();
    return std::unique_ptr<BackupInput>(std::move(input));
}

}  // namespace penstock::backup
