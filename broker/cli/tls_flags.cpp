#include "broker/cli/tls_flags.h"

#include "broker/cli/sink_flags.h"

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::string_view none = "none";

}  // namespace

void TlsFlags::add_to(CLI::App& verb, bool creating) {
    const std::string away = creating ? "" : "; none: the server's again";
    verb.add_option(
            "--ca-file", ca_, "PEM of those who alone vouch for the endpoint's certificate" + away)
        ->type_name("FILE");
    CLI::Option* cert =
        verb.add_option("--client-cert",
                        client_cert_,
                        "PEM shown to an endpoint that asks for a certificate" + away);
    cert->type_name("FILE");
    CLI::Option* key = verb.add_option("--client-key", client_key_, "PEM of its key; kept sealed");
    key->type_name("FILE")->needs(cert);
    if (creating) cert->needs(key);
}

boost::system::result<json::object, Failure> TlsFlags::tls() const {
    json::object tls;
    for (const auto& [name, file] : {std::pair{"ca", &ca_},
                                     std::pair{"client_cert", &client_cert_},
                                     std::pair{"client_key", &client_key_}}) {
        if (file->empty()) continue;
        if (*file == none) {
            tls[name] = nullptr;
            continue;
        }
        auto text = read_file(*file);
        if (!text) return text.error();
        tls[name] = std::move(*text);
    }
    return tls;
}

}  // namespace penstock::cli
