// DnsSockets: the system calls of c-ares, because its own lose two errors that matter.
//
// - A name server's host answers "nobody listens here" by ICMP, and the kernel reports that once,
// at
//   the next call on the socket. c-ares asks for two families at once: the second send(2) got the
//   error, c-ares took it for that question's alone, and the first one waited for its time-out of 2
//   s. Here a send that meets such an error is made again, so that it is met by reading, where
//   c-ares gives up the server for all questions.
// - A socket that could not be made at all (EMFILE) was a server out of reach to it.
#pragma once

#include <ares.h>

namespace efs::net {

struct DnsSockets {
  // Why no socket could be had, an errno; 0 while none was missing.
  int exhausted = 0;

  // The object must outlive the channel.
  void attach(ares_channel channel);
};

// There are no more descriptors, or no memory for one: a lack of this process or host.
bool isExhaustion(int err);

}  // namespace efs::net
