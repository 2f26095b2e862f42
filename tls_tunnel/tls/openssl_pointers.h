// Owners of OpenSSL objects.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "efs/base/freed_by.h"

namespace efs::tls {

using BioPtr = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, FreedBy<BIO_meth_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, FreedBy<X509_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
using StorePtr = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
using ChainPtr =
    std::unique_ptr<STACK_OF(X509),
                    decltype([](STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); })>;
using InfosPtr = std::unique_ptr<STACK_OF(X509_INFO), decltype([](STACK_OF(X509_INFO) * infos) {
                                   sk_X509_INFO_pop_free(infos, X509_INFO_free);
                                 })>;
using SslPtr = std::unique_ptr<SSL, FreedBy<SSL_free>>;

}  // namespace efs::tls
