#include "broker/api/credential.h"

#include "broker/base/bytes.h"
#include "broker/base/enumerators.h"

#include <openssl/crypto.h>

#include <utility>

namespace penstock::api {

namespace {

constexpr std::uint8_t version_plain = 1;
constexpr std::uint8_t version_account = 2;  // with an account, or made by another key
constexpr std::size_t statement_bytes_min = 3;
constexpr char least_printable = ' ';

std::string owner_of(std::string_view key_id) {
    return "key/" + std::string(key_id);
}

void put_patterns(Writer& writer, const std::vector<std::string>& patterns) {
    writer.varint(patterns.size());
    for (const std::string& pattern : patterns) writer.bytes(pattern);
}

std::vector<std::string> take_patterns(Reader& reader) {
    std::vector<std::string> patterns(reader.count(1));
    for (std::string& pattern : patterns) pattern = reader.text();
    return patterns;
}

std::string encode(const Credential& credential) {
    std::string out;
    Writer writer(out);
    const KeyView& view = credential.view;
    const bool plain = view.account.empty() && credential.maker.empty();
    writer.u8(plain ? version_plain : version_account);
    writer.bytes(credential.secret);
    writer.u8(static_cast<std::uint8_t>(view.access.role));
    writer.varint(view.access.statements.size());
    for (const model::Statement& statement : view.access.statements) {
        writer.boolean(statement.deny);
        put_patterns(writer, statement.actions);
        put_patterns(writer, statement.resources);
    }
    writer.bytes(view.note);
    writer.i64(view.created_ms);
    writer.i64(view.ends_ms);
    if (plain) return out;
    writer.bytes(view.account);
    writer.u64(view.account_number);
    writer.bytes(credential.maker);
    return out;
}

// False: of no form known here.
bool decode(std::string_view bytes, Credential& credential) {
    Reader reader(bytes);
    KeyView& view = credential.view;
    const std::uint8_t version = reader.u8();
    if (version != version_plain && version != version_account) return false;
    credential.secret = reader.text();
    const std::uint8_t role = reader.u8();
    if (role >= enumerator_limit || !enumerators<model::Role>[role]) return false;
    view.access.role = static_cast<model::Role>(role);
    view.access.statements.resize(reader.count(statement_bytes_min));
    for (model::Statement& statement : view.access.statements) {
        statement.deny = reader.boolean();
        statement.actions = take_patterns(reader);
        statement.resources = take_patterns(reader);
    }
    view.note = reader.text();
    view.created_ms = reader.i64();
    view.ends_ms = reader.i64();
    if (version == version_account) {
        view.account = reader.text();
        view.account_number = reader.u64();
        credential.maker = reader.text();
    }
    return reader.done();
}

}  // namespace

bool allows(const Credential& credential, const Act& act) {
    if (!allows(credential.view.access, act)) return false;
    if (!credential.within) return true;
    const bool lasting = act.right == Right::keys || act.right == Right::server;
    return !lasting && allows(*credential.within, act);
}

bool sees_accounts(const Credential& credential) {
    const model::Role role = credential.view.access.role;
    const bool all = role == model::Role::root || role == model::Role::admin;
    return credential.view.account.empty() && all &&
           (!credential.within || sees_accounts(*credential.within));
}

bool is_sealed(std::string_view credential) {
    return !credential.empty() && credential.front() < least_printable;
}

Result<std::string> seal_credential(const SecretBox& box, const Credential& credential) {
    std::string plain = encode(credential);
    auto sealed = box.seal(plain, owner_of(credential.view.key_id));
    ::OPENSSL_cleanse(plain.data(), plain.size());
    return sealed;
}

Result<Credential> open_credential(const SecretBox& box,
                                   std::string_view key_id,
                                   std::string_view sealed) {
    auto plain = box.open(sealed, owner_of(key_id));
    if (!plain) return plain.error();
    Credential credential;
    const bool whole = decode(*plain, credential);
    ::OPENSSL_cleanse(plain->data(), plain->size());
    if (!whole) return error(Errc::damaged, "the key's credential is of no form known here");
    credential.view.key_id = key_id;
    return credential;
}

}  // namespace penstock::api
