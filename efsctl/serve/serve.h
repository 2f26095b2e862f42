// The server of `efsctl metrics --listen`, until its standard input or a signal ends it.
#pragma once

#include "efs/efsctl/metrics.h"

namespace efs::efsctl {

// Its exit code.
int serveMetrics(const MetricsOptions& options);

}  // namespace efs::efsctl
