#include "broker/cluster/words.h"

#include "broker/base/wire.h"

namespace penstock::cluster {

namespace {

template <class Question>
std::string with_word(Word word, const Question& question) {
    return std::string(1, static_cast<char>(word)) + wire::encode(question);
}

}  // namespace

std::string notice_of(Word word) {
    return std::string(1, static_cast<char>(word));
}

std::string encode_question(const ForwardQuestion& question) {
    return with_word(Word::forward, question);
}

std::string encode_question(const SubmitQuestion& question) {
    return with_word(Word::submit, question);
}

std::string encode_question(const NamesQuestion& question) {
    return with_word(Word::names, question);
}

std::string encode_question(const FoundQuestion& question) {
    return with_word(Word::found, question);
}

std::string encode_question(const ChunkQuestion& question) {
    return with_word(Word::chunk, question);
}

std::string encode_question(const ViewQuestion& question) {
    return with_word(Word::view, question);
}

std::string encode_question(const RecordQuestion& question) {
    return with_word(Word::record, question);
}

std::string encode_question(const AgreeQuestion& question) {
    return with_word(Word::agree, question);
}

Result<ForwardQuestion> decode_forward(std::string_view bytes) {
    return wire::decode<ForwardQuestion>(bytes, "forwarded request");
}

Result<SubmitQuestion> decode_submit(std::string_view bytes) {
    return wire::decode<SubmitQuestion>(bytes, "submitted command");
}

Result<FoundQuestion> decode_found(std::string_view bytes) {
    return wire::decode<FoundQuestion>(bytes, "call to found a cluster");
}

Result<ChunkQuestion> decode_chunk_question(std::string_view bytes) {
    return wire::decode<ChunkQuestion>(bytes, "question for a piece of a snapshot");
}

Result<ViewQuestion> decode_view(std::string_view bytes) {
    return wire::decode<ViewQuestion>(bytes, "question for sets");
}

Result<AgreeQuestion> decode_agree(std::string_view bytes) {
    return wire::decode<AgreeQuestion>(bytes, "question for a state hash");
}

std::string encode_answer(const HandedAnswer& answer) {
    return wire::encode(answer);
}

Result<HandedAnswer> decode_handed(std::string_view bytes) {
    return wire::decode<HandedAnswer>(bytes, "answer");
}

std::string encode_answer(const ReplyList& answer) {
    return wire::encode(answer);
}

Result<ReplyList> decode_replies(std::string_view bytes) {
    return wire::decode<ReplyList>(bytes, "replies to commands");
}

std::string encode_answer(const FoundAnswer& answer) {
    return wire::encode(answer);
}

Result<FoundAnswer> decode_founded(std::string_view bytes) {
    return wire::decode<FoundAnswer>(bytes, "answer to a call to found a cluster");
}

Result<RecordQuestion> decode_record_question(std::string_view bytes) {
    return wire::decode<RecordQuestion>(bytes, "question for an entry");
}

std::string encode_answer(const RecordAnswer& answer) {
    return wire::encode(answer);
}

Result<RecordAnswer> decode_record(std::string_view bytes) {
    return wire::decode<RecordAnswer>(bytes, "copy of an entry");
}

std::string encode_answer(const ChunkAnswer& answer) {
    return wire::encode(answer);
}

Result<ChunkAnswer> decode_chunk(std::string_view bytes) {
    return wire::decode<ChunkAnswer>(bytes, "piece of a snapshot");
}

namespace {

// As builds say and read it that know no settings.
struct SetsAnswer {
    std::vector<api::SetView> sets;
};

}  // namespace

std::string encode_answer(const ViewAnswer& answer) {
    if (answer.settings.message_bytes_max == 0) return wire::encode(SetsAnswer{answer.sets});
    return wire::encode(answer);
}

Result<ViewAnswer> decode_viewed(std::string_view bytes) {
    auto answer = wire::decode<ViewAnswer>(bytes, "view of sets");
    if (answer) return answer;
    auto sets = wire::decode<SetsAnswer>(bytes, "view of sets");
    if (!sets) return sets.error();
    return ViewAnswer{std::move(sets->sets), {}};
}

std::string encode_answer(const AgreeAnswer& answer) {
    return wire::encode(answer);
}

Result<AgreeAnswer> decode_agreed(std::string_view bytes) {
    return wire::decode<AgreeAnswer>(bytes, "state hash");
}

}  // namespace penstock::cluster
