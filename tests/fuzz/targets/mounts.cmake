efs_fuzz_target(identifier_change SOURCES identifier_change_fuzz.cc LIBS mounts)
efs_fuzz_target(mount_options SOURCES mount_options_fuzz.cc LIBS mounts)
efs_fuzz_target(mountinfo SOURCES mountinfo_fuzz.cc LIBS mounts)
efs_fuzz_target(nfsfs SOURCES nfsfs_fuzz.cc LIBS mounts)
