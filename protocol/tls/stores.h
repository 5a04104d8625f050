// SPDX-License-Identifier: Apache-2.0
// Key stores and trust stores read into a context of OpenSSL. Only this folder includes it.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "protocol/tls/tls.h"

namespace ottla::tls {

// What OpenSSL's queue of errors holds, emptied; "unknown error" where it is empty.
std::string library_error();

// The key and the certificates that prove it.
Status load_key_store(SSL_CTX* context, const Store& store, const std::string& key_password);
// Whose signatures are believed; the certificates' subjects are also what a server asks its clients for.
Status load_trust_store(SSL_CTX* context, const Store& store);

}  // namespace ottla::tls
