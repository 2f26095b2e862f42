// libcurl loaded with dlopen(3), so that a run without HTTP calls pays neither its memory nor its
// start-up time (5 MB with all that it pulls in).
#pragma once

// The type-check macros wrap the real functions, not pointers to them; and the options that newer
// headers call deprecated are the ones that every libcurl since 7.19.4 knows.
#define CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

#include <memory>

#include "efs/base/result.h"

namespace efs::http {

struct CurlLibrary {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

// Loads and initialises the library. It is never unloaded: libcurl and its TLS library leave exit
// handlers behind.
Result<CurlLibrary> loadCurl();

}  // namespace efs::http
