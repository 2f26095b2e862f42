#include "curl_library.h"

#include <dlfcn.h>

#include <string>

#include "efs/base/text.h"

namespace efs::http {
namespace {

constexpr const char* kLibrary = "libcurl.so.4";

Error loadError() {
  const char* reason = ::dlerror();
  Error error(ErrorKind::kUnsupported,
              std::string("loading ") + kLibrary + ": " +
                  printable(reason != nullptr ? reason : "no reason given"));
  error.addHint("install the libcurl package of this system (libcurl4, libcurl)");
  return error;
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

}  // namespace

Result<CurlLibrary> loadCurl() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return loadError();
  CurlLibrary curl;
  const bool complete = find(library, "curl_global_init", curl.global_init) &&
                        find(library, "curl_easy_init", curl.easy_init) &&
                        find(library, "curl_easy_setopt", curl.easy_setopt) &&
                        find(library, "curl_easy_perform", curl.easy_perform) &&
                        find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
                        find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
                        find(library, "curl_easy_strerror", curl.easy_strerror) &&
                        find(library, "curl_slist_append", curl.slist_append) &&
                        find(library, "curl_slist_free_all", curl.slist_free_all);
  if (!complete) return loadError();
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Error(ErrorKind::kInternal, std::string("initialising ") + kLibrary + " failed");
  }
  return curl;
}

}  // namespace efs::http
