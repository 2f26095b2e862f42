#include <unistd.h>

#include <cstdio>

#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/efsctl/efsctl.h"
#include "efs/efsctl/metrics.h"
#include "serve/serve.h"

namespace efs::efsctl {
namespace {

int fail(const Error& error) {
  std::fprintf(stderr, "efsctl: %s\n", error.describe().c_str());
  return kFailed;
}

}  // namespace

std::string metricsHelp() {
  return "usage: efsctl metrics [--textfile PATH | --listen ADDRESS]\n"
         "\n"
         "The state of every EFS mount of this host for Prometheus: OpenMetrics on standard "
         "output,\n"
         "for the textfile collector of node_exporter a file that is replaced as a whole, or a "
         "server.\n"
         "Never touches a mount. Needs root.\n"
         "\n"
         "  --textfile PATH  for example /var/lib/prometheus/node-exporter/efs.prom\n"
         "  --listen ADDRESS 127.0.0.1:PORT or unix:PATH, also more than once: answers HTTP there, "
         "until\n"
         "                   it is ended; /metrics, at a local socket also /status and "
         "/status.json\n"
         "  --group NAME     may ask at the local socket, beside root\n"
         "  --until-eof      the server ends with its standard input\n"
         "  --state-dir DIR  another state directory than /var/run/efs\n"
         "  --mountinfo FILE a file instead of the kernel's mount table\n"
         "\n"
         "Exit code: 0, also where a mount is degraded; 2 usage or error.\n";
}

Result<MetricsOptions> parseMetricsOptions(const std::vector<std::string>& words) {
  MetricsOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "-h" || word == "--help") {
      options.help = true;
      return options;
    }
    if (word == "--until-eof") {
      options.until_eof = true;
      continue;
    }
    std::string listen;
    std::string* value = word == "--textfile"    ? &options.textfile
                         : word == "--listen"    ? &listen
                         : word == "--group"     ? &options.group
                         : word == "--state-dir" ? &options.status.state_dir
                         : word == "--mountinfo" ? &options.status.mountinfo
                                                 : nullptr;
    if (value == nullptr) return Error(ErrorKind::kInvalidInput, "unknown word " + printable(word));
    if (i + 1 == words.size()) return Error(ErrorKind::kInvalidInput, word + " needs a value");
    *value = words[++i];
    if (!listen.empty()) options.listen.push_back(listen);
  }
  if (!options.listen.empty() && !options.textfile.empty()) {
    return Error(ErrorKind::kInvalidInput, "--listen and --textfile are two different things");
  }
  return options;
}

int runMetrics(const std::vector<std::string>& words) {
  const auto options = parseMetricsOptions(words);
  if (!options) {
    (void)fail(options.error());
    std::fputs(metricsHelp().c_str(), stderr);
    return kFailed;
  }
  if (options->help) {
    std::fputs(metricsHelp().c_str(), stdout);
    return kHealthy;
  }
  if (::geteuid() != 0) {
    return fail({ErrorKind::kPermission, "only root can see the state of the mounts"});
  }
  if (!options->listen.empty()) return serveMetrics(*options);
  const SystemClock clock;
  const auto facts = gatherStatus(options->status, clock);
  if (!facts) return fail(facts.error());
  const StatusReport report = judgeStatus(*facts);
  const bool file = !options->textfile.empty();
  const std::string text =
      metricsText(*facts, report, file ? MetricFormat::kPrometheus : MetricFormat::kOpenMetrics);
  if (!file) return printOut(text) ? kHealthy : kFailed;
  const Status written = writeUsersFile(options->textfile, text, {.mode = 0644});
  return written ? kHealthy : fail(written.error());
}

}  // namespace efs::efsctl
