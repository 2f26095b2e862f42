efs_fuzz_target(mountinfo SOURCES mountinfo_fuzz.cc LIBS mounts)
efs_fuzz_target(mount_options SOURCES mount_options_fuzz.cc LIBS mounts)
efs_fuzz_target(nfsfs SOURCES nfsfs_fuzz.cc LIBS mounts)
efs_fuzz_target(kernel_words SOURCES kernel_words_fuzz.cc LIBS mounts)
