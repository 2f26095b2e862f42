// What makes this host another one than its neighbours with the same name: containers and cloned
// images often share host name, machine id, or both. The server takes two clients with one name for
// one client: both hold the same locks (issue: two hosts, one client identifier).
//
// Stable over reboots wherever the host is one machine: then the server knows its client again and
// lets go of the locks that it held.
#pragma once

#include <string>
#include <vector>

#include "efs/base/result.h"

namespace efs::mounts {

struct HostIdentity {
  std::string machine_id;  // /etc/machine-id; empty: none, or "uninitialized"
  std::string instance;    // EC2's instance id (Nitro: DMI board_asset_tag)
  std::string product;     // DMI product_uuid; empty: none, or one that whole series share
  // Hardware addresses of real network cards, where DMI names no machine: clones differ in them.
  std::string cards;
  // Of a network namespace that is not the kernel's first (a container): it has an NFS client of
  // its own, and machine id and hardware of its neighbours. Unique for its life.
  std::string network;
  std::string nonce;  // random, where nothing above names the machine

  // False: only a random number, kept on this host, can tell it from others.
  bool namesTheMachine() const;
  std::string text() const;

  // From the files below `root` ("" but for tests); the network of the calling thread.
  static HostIdentity read(const std::string& root = "");
};

// The random number of this host, made at the first call and kept as `<folder>/host-nonce` in the
// first of the folders where that is possible. Two processes that make it at once get the same one.
Result<std::string> hostNonce(const std::vector<std::string>& folders);

// A name for the calling thread's network namespace that no other one of this boot has, or had: its
// cookie (since 5.14), before that its inode.
std::string networkNamespaceName();
std::string bootId(const std::string& root = "");

}  // namespace efs::mounts
